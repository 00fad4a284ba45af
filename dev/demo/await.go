package demo

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// How long the demo waits for the platform, and how often it looks.
const (
	awaitTimeout  = time.Minute
	awaitInterval = 15 * time.Millisecond
)

// await polls an order until it is as wanted.
func (s *shop) await(ctx context.Context, orderID, what string, as func(Order) bool) (Order, error) {
	var last Order
	err := poll(ctx, func(ctx context.Context) (bool, error) {
		var err error
		last, err = s.order(ctx, orderID)
		return err == nil && as(last), err
	})
	if err != nil {
		return last, fmt.Errorf("wait for the order to be %s (it is %q, its payment %q): %w", what, last.Status, last.PaymentStatus, err)
	}
	return last, nil
}

// poll calls until it is done. Answers of 5xx are outwaited; other failures end it.
func poll(ctx context.Context, done func(context.Context) (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, awaitTimeout)
	defer cancel()
	for {
		ok, err := done(ctx)
		var answer *refused
		switch {
		case ok:
			return nil
		case errors.As(err, &answer) && answer.Status < http.StatusInternalServerError && answer.Status != http.StatusTooManyRequests:
			return err
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-time.After(awaitInterval):
		}
	}
}
