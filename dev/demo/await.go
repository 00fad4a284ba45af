package demo

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/client"
)

// How long the demo waits for the platform, and how often it looks.
const (
	awaitTimeout  = time.Minute
	awaitInterval = 15 * time.Millisecond
)

// await polls an order until it is as wanted.
func await(ctx context.Context, c *client.Client, id uuid.UUID, what string, as func(client.Order) bool) (client.Order, error) {
	var last client.Order
	err := poll(ctx, func(ctx context.Context) (bool, error) {
		var err error
		last, err = c.GetOrder(ctx, id)
		return err == nil && as(last), err
	})
	if err != nil {
		return last, fmt.Errorf("wait for the order to be %s (it is %q, its payment %q): %w", what, last.Status, last.PaymentStatus, err)
	}
	return last, nil
}

// poll calls done until it returns true. A refusal ends it, unless its status is 429 or above 499.
func poll(ctx context.Context, done func(context.Context) (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, awaitTimeout)
	defer cancel()
	for {
		ok, err := done(ctx)
		var refused *client.Problem
		switch {
		case ok:
			return nil
		case errors.As(err, &refused) && refused.Status < http.StatusInternalServerError && refused.Status != http.StatusTooManyRequests:
			return err
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-time.After(awaitInterval):
		}
	}
}
