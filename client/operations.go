package client

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/google/uuid"
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
	// WaitingSeconds is the age of the oldest of them that is not parked.
	WaitingSeconds float64 `json:"waiting_seconds"`
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

// AdvancedClock is the answer of [Client.AdvanceClock].
type AdvancedClock struct {
	OrderID uuid.UUID `json:"order_id"`
	// Timer is what went off, by the order's clock at DueAt.
	Timer string    `json:"timer"`
	DueAt time.Time `json:"due_at"`
	// OrderTime is the order's time now, ahead of the world's.
	OrderTime time.Time `json:"order_time"`
	// Order is where it stands.
	Order OrderState `json:"order"`
	// Pending is true while what is due then is still being done.
	Pending bool `json:"-"`
	// Replayed is true when an earlier request has done it.
	Replayed bool `json:"-"`
}

// AdvanceClock sets the clock of an order to when its next timer goes off, on a platform for trying. Each call, with an
// Idempotency-Key of its own, has one timer go off. Errors: no_timer; not_found.
func (c *Client) AdvanceClock(ctx context.Context, id uuid.UUID, options ...CallOption) (AdvancedClock, error) {
	var advanced AdvancedClock
	path := "/api/v1/test/orders/" + id.String() + "/advance"
	a, err := c.sendRequest(ctx, newRequest(http.MethodPost, path, struct{}{}, options), into(&advanced))
	advanced.Pending, advanced.Replayed = a.pending(), a.replayed()
	return advanced, err
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
	// Status is "ready", "degraded" when a part of the work can't be done, "not_ready" or "draining".
	Status string `json:"status"`
	// Capabilities are the parts of the process's work: "orders", "reads", "reports", "sagas" and "views".
	Capabilities []ReadinessCheck `json:"capabilities"`
	Checks       []ReadinessCheck `json:"checks"`
}

// ReadinessCheck is one thing that the platform needs, or a part of its work.
type ReadinessCheck struct {
	Name string `json:"name"`
	// Status is "ok" or "failing".
	Status string `json:"status"`
}

// Ready reports whether requests should be sent to the process: it can do at least a part of its work.
func (r Readiness) Ready() bool { return r.Status == "ready" || r.Status == "degraded" }

// Can reports whether a part of the work can be done.
func (r Readiness) Can(capability string) bool {
	return r.Ready() && slices.Contains(r.Capabilities, ReadinessCheck{Name: capability, Status: "ok"})
}

// GetReady asks whether requests should be sent to the process, or those that need a capability; "" asks for any. That
// it is not ready is no error.
func (c *Client) GetReady(ctx context.Context, capability string, options ...CallOption) (Readiness, error) {
	var ready Readiness
	path := "/ready"
	if capability != "" {
		path += "?" + url.Values{"capability": {capability}}.Encode()
	}
	r := newRequest(http.MethodGet, path, nil, options)
	r.accepts = func(status int) bool { return status == http.StatusServiceUnavailable }
	_, err := c.sendRequest(ctx, r, into(&ready))
	return ready, err
}
