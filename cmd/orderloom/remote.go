package main

import (
	"context"
	"errors"
	"iter"
	"net/url"

	"github.com/orderloom/orderloom/client"
	"github.com/orderloom/orderloom/internal/config"
	"github.com/orderloom/orderloom/internal/telemetry"
)

// calls returns the action of a command that asks a running platform over its API, as any other caller does.
func (p *program) calls(f func(ctx context.Context, api *client.Client, args []string) error) action {
	return p.runs(func(ctx context.Context, args []string) error {
		cfg, err := config.Load(p.lookup)
		if err != nil {
			return usageError{err}
		}
		api, err := client.New(cfg.Remote.URL, client.WithAPIKey(string(cfg.Remote.Key)), client.WithUserAgent("orderloom/"+telemetry.Version()))
		if err != nil {
			return usageError{err}
		}
		err = problemOf(f(ctx, api, args))
		if errors.As(err, new(*url.Error)) {
			err = unansweredError{err}
		}
		return err
	})
}

// unansweredError is a call of the API that was not answered.
type unansweredError struct{ error }

// Unwrap returns why.
func (e unansweredError) Unwrap() error { return e.error }

// follow hands on what comes until Ctrl-C, which is no failure.
func follow[T any](ctx context.Context, all iter.Seq2[T, error], each func(T) error) error {
	for one, err := range all {
		if ctx.Err() != nil {
			return nil
		}
		if err == nil {
			err = each(one)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
