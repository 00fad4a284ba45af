package api

import (
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/orderloom/orderloom/api/httpx"
	"github.com/orderloom/orderloom/internal/drain"
)

// Check asks something that the platform needs whether it is there.
type Check struct {
	// Name says what is asked, such as "postgres".
	Name string
	// Ask returns nil when it is there. Its error is logged and not shown.
	Ask func(ctx context.Context) error
	// For are the capabilities that need it; none for one that is shown only.
	For []Capability
}

// Capability is a part of the work of a process, which may go on while another part can't.
type Capability string

// The capabilities of an API: it accepts orders, answers reads, and takes reports about orders, such as a dispatch. The
// others are those of a process that carries sagas on, and of one that keeps the views.
const (
	CapabilityOrders  Capability = "orders"
	CapabilityReads   Capability = "reads"
	CapabilityReports Capability = "reports"
	CapabilitySagas   Capability = "sagas"
	CapabilityViews   Capability = "views"
)

// capabilities are all of them, in the order in which they are shown.
var capabilities = []Capability{CapabilityOrders, CapabilityReads, CapabilityReports, CapabilitySagas, CapabilityViews}

const (
	checkTimeout = 2 * time.Second
	// readinessMaxAge is how long an answer holds: whoever asks more often costs nothing more.
	readinessMaxAge = time.Second
)

// getHealth says that the process is alive: GET /health. It asks nobody, because a restart mends
// nothing that is elsewhere.
func (a *API) getHealth(_ context.Context, x *httpx.Exchange) error {
	x.Writer.Header().Set("Cache-Control", "no-store")
	x.Answer(http.StatusOK, []byte(`{"status":"ok"}`))
	return nil
}

// getReady says whether requests should be sent here: GET /ready. With a capability it says so of requests that need
// that.
func (a *API) getReady(ctx context.Context, x *httpx.Exchange) error {
	status, body := a.readiness.answer(ctx, a.draining(), Capability(x.Request.URL.Query().Get("capability")))
	x.Writer.Header().Set("Cache-Control", "no-store")
	return x.JSON(status, body)
}

// ReadyHandler answers GET /ready as the API does, for a role without an API. draining reports whether the process
// stops.
func ReadyHandler(checks []Check, log *slog.Logger, draining func() bool) http.Handler {
	r := newReadiness(checks, log)
	return http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		status, body := r.answer(request.Context(), draining(), Capability(request.URL.Query().Get("capability")))
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(body) // a client that has gone needs no answer
	})
}

// answer returns what is ready, and the status that says so. A process is not ready when it can do nothing of its work,
// or not what is asked for.
func (r *readiness) answer(ctx context.Context, draining bool, asked Capability) (status int, body readyBody) {
	body = readyBody{Status: "ready", Capabilities: []checkResult{}, Checks: r.runChecks(ctx)}
	able := map[Capability]bool{}
	for _, name := range capabilities {
		needed, fails := false, false
		for i, c := range r.checks {
			if slices.Contains(c.For, name) {
				needed, fails = true, fails || body.Checks[i].Status != checkOK
			}
		}
		if !needed {
			continue
		}
		result := checkResult{Name: string(name), Status: checkOK}
		if fails {
			result.Status, body.Status = checkFailing, "degraded"
		}
		able[name] = !fails
		body.Capabilities = append(body.Capabilities, result)
	}
	ready := able[asked]
	if asked == "" {
		ready = len(able) == 0 || slices.Contains(slices.Collect(maps.Values(able)), true)
	}
	switch {
	case draining:
		body.Status, status = "draining", http.StatusServiceUnavailable
	case !ready:
		body.Status, status = "not_ready", http.StatusServiceUnavailable
	default:
		status = http.StatusOK
	}
	return status, body
}

type readyBody struct {
	Status       string        `json:"status"`
	Capabilities []checkResult `json:"capabilities"`
	Checks       []checkResult `json:"checks"`
}

const (
	checkOK      = "ok"
	checkFailing = "failing"
)

type checkResult struct {
	Name   string `json:"name"`
	Status string `json:"status"`
}

// readiness asks all checks at once, and keeps their answers for a moment.
type readiness struct {
	checks []Check
	log    *slog.Logger

	mu      sync.Mutex
	at      time.Time
	results []checkResult
}

func newReadiness(checks []Check, log *slog.Logger) *readiness {
	r := &readiness{checks: checks, log: log, results: make([]checkResult, len(checks))}
	for i, c := range checks {
		r.results[i] = checkResult{Name: c.Name, Status: checkOK}
	}
	return r
}

// runChecks returns the checks' answers, at most a second old. Who asks meanwhile waits for the same ones.
func (r *readiness) runChecks(ctx context.Context) []checkResult {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.checks) == 0 || time.Since(r.at) < readinessMaxAge {
		return r.results
	}
	// The answers are for everyone who waits, so they don't end with the one who asked first.
	ctx, cancel := drain.Timeout(ctx, checkTimeout)
	defer cancel()
	results := make([]checkResult, len(r.checks))
	var wg sync.WaitGroup
	for i, c := range r.checks {
		wg.Go(func() {
			results[i] = checkResult{Name: c.Name, Status: checkOK}
			if err := runBounded(ctx, c); err != nil {
				results[i].Status = checkFailing
				if r.results[i].Status == checkOK {
					r.log.ErrorContext(ctx, "a check of readiness fails", slog.String("check", c.Name), slog.String("error", err.Error()))
				}
			}
		})
	}
	wg.Wait()
	r.results, r.at = results, time.Now()
	return results
}

// runBounded gives up on a check that does not heed its context.
func runBounded(ctx context.Context, c Check) error {
	done := make(chan error, 1)
	go func() { done <- c.Ask(ctx) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}
