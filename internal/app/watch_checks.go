package app

import (
	"context"
	"sync"
	"time"

	"github.com/orderloom/orderloom/api"
	"github.com/orderloom/orderloom/internal/backoff"
	"github.com/prometheus/client_golang/prometheus"
)

const (
	// checkEvery is how often the checks of GET /ready are made for their metric, and checkTimeout bounds each.
	checkEvery   = 5 * time.Second
	checkTimeout = 2 * time.Second
)

// watchChecks shows as a metric what GET /ready tells, whether anybody asks for that or not.
func watchChecks(registerer prometheus.Registerer, checks []api.Check) func(context.Context) error {
	failing := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "orderloom_check_failing", Help: "1 while a check of GET /ready fails, 0 while it does not.",
	}, []string{"check"})
	registerer.MustRegister(failing)
	return func(ctx context.Context) error {
		for {
			var all sync.WaitGroup
			for _, c := range checks {
				all.Go(func() { failing.WithLabelValues(c.Name).Set(ask(ctx, c)) })
			}
			all.Wait()
			if err := backoff.Pause(ctx, checkEvery); err != nil {
				return err
			}
		}
	}
}

// ask makes a check, and returns 1 when it fails, or takes too long.
func ask(ctx context.Context, c api.Check) float64 {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	answer := make(chan error, 1)
	go func() { answer <- c.Ask(ctx) }()
	select {
	case err := <-answer:
		if err != nil {
			return 1
		}
		return 0
	case <-ctx.Done():
		return 1
	}
}
