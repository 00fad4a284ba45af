package client

import (
	"context"
	"net/http"
	"time"
)

// Projections is all projections.
type Projections struct {
	Projections []Projection `json:"projections"`
}

// Projection says how far a view is behind the events.
type Projection struct {
	Name string `json:"name"`
	// LagEvents is how many events the view lacks, counted up to 100000; LagSeconds is the age of the oldest of them.
	LagEvents  int64   `json:"lag_events"`
	LagSeconds float64 `json:"lag_seconds"`
	// Parked is how many aggregates wait for someone to look at an event, ParkedOldestSeconds for how long at most.
	Parked              int64   `json:"parked"`
	ParkedOldestSeconds float64 `json:"parked_oldest_seconds"`
	// Stale is true when no projector has reported for a while, so the view may lack more.
	Stale bool `json:"stale"`
	// UpdatedAt is when a projector reported last; nil if never.
	UpdatedAt *time.Time `json:"updated_at"`
	// Rebuild is empty unless the projection is being rebuilt.
	Rebuild string `json:"rebuild,omitempty"`
}

// GetProjections shows how far the views are behind.
func (c *Client) GetProjections(ctx context.Context, options ...CallOption) (Projections, error) {
	var p Projections
	_, err := c.sendRequest(ctx, newRequest(http.MethodGet, "/api/v1/projections", nil, options), into(&p))
	return p, err
}

// Health is the answer of a process that is alive.
type Health struct {
	Status string `json:"status"`
}

// GetHealth asks whether the process is alive.
func (c *Client) GetHealth(ctx context.Context, options ...CallOption) (Health, error) {
	var h Health
	_, err := c.sendRequest(ctx, newRequest(http.MethodGet, "/health", nil, options), into(&h))
	return h, err
}

// Readiness says whether requests should be sent to a process.
type Readiness struct {
	// Status is "ready", "not_ready" or "draining".
	Status string           `json:"status"`
	Checks []ReadinessCheck `json:"checks"`
}

// ReadinessCheck is one thing that the platform needs.
type ReadinessCheck struct {
	Name string `json:"name"`
	// Status is "ok" or "failing".
	Status string `json:"status"`
}

// Ready reports whether requests should be sent to the process.
func (r Readiness) Ready() bool { return r.Status == "ready" }

// GetReady asks whether requests should be sent to the process. That it is not ready is no error.
func (c *Client) GetReady(ctx context.Context, options ...CallOption) (Readiness, error) {
	var ready Readiness
	r := newRequest(http.MethodGet, "/ready", nil, options)
	r.accepts = func(status int) bool { return status == http.StatusServiceUnavailable }
	_, err := c.sendRequest(ctx, r, into(&ready))
	return ready, err
}
