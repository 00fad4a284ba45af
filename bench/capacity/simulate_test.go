package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// With one server, random arrivals and exponential service times, the waiting is known (M/M/1). The mean time in the
// system is 1/(µ-λ), and half of the times are below ln 2 of it.
func TestQueueWaitsAsTheorySays(t *testing.T) {
	t.Parallel()
	out := simulate([]part{{name: "one", servers: 1, visits: 1, each: 10 * time.Millisecond}}, 70, 2000*time.Second, 7)
	require.InDelta(t, 0.7, out.busy["one"], 0.03)
	require.InDelta(t, 0.0231, out.order.p50.Seconds(), 0.004)
	require.InDelta(t, 0.1535, out.order.p99.Seconds(), 0.04)
}

func TestThePlanCarriesTenThousandOrders(t *testing.T) {
	t.Parallel()
	const rate = 10_000
	parts := plans["ten-thousand"]
	out := simulate(parts, rate, 4*time.Second, 1)
	for _, p := range parts {
		t.Run(p.name, func(t *testing.T) {
			require.Less(t, p.busy(rate), 0.75, p.name)
			require.InDelta(t, p.busy(rate), out.busy[p.name], 0.08, p.name)
		})
	}
	require.Less(t, out.order.p99, time.Second)
	require.Less(t, out.views.p99, 250*time.Millisecond)
}

// Each part is needed, except for the shards, which cost nothing: with a third of its servers the plan fails.
func TestNoPartOfThePlanIsIdle(t *testing.T) {
	t.Parallel()
	for _, p := range plans["ten-thousand"] {
		t.Run(p.name, func(t *testing.T) {
			if !p.shards {
				p.servers /= 3
				require.Greater(t, p.busy(10_000), 0.75, p.name)
			}
		})
	}
}
