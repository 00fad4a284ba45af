package app

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/orderloom/orderloom/client"
	"github.com/orderloom/orderloom/eventstore"
	"github.com/orderloom/orderloom/internal/backoff"
	"github.com/orderloom/orderloom/internal/config"
	"github.com/orderloom/orderloom/internal/telemetry"
	"github.com/orderloom/orderloom/readmodel"
	"github.com/prometheus/client_golang/prometheus"
)

type (
	// Waiting is one thing that waits for a person.
	Waiting = readmodel.Waiting
	// AttentionQuery asks for a page of what waits.
	AttentionQuery = readmodel.AttentionQuery
	// AttentionPage is a page of what waits.
	AttentionPage = readmodel.AttentionPage
)

// AttentionPageMax is how much a page of what waits for a person has at most.
const AttentionPageMax = readmodel.PageSizeMax

// Attention returns a page of what waits for a person, what has waited longest first. Error: invalid.
func (m *Maintenance) Attention(ctx context.Context, q AttentionQuery) (AttentionPage, error) {
	return readmodel.Attention(ctx, m.Pool, q)
}

// attentionEvery is how often what waits for a person is counted. The count reads no more than what waits.
const attentionEvery = 5 * time.Second

// countAttention returns what keeps orderloom_attention up to date. The counts are the database's. So they are the same
// in every process, and after a restart.
func (p *platform) countAttention() func(context.Context) error {
	gauge := newAttentionGauge(p.tel.Registry)
	return func(ctx context.Context) error {
		told := false
		for ctx.Err() == nil {
			err := setAttention(ctx, gauge, p.pool)
			if err != nil && ctx.Err() == nil && !told {
				p.tel.Logger.WarnContext(ctx, "what waits for a person could not be counted, trying again", "error", err)
			}
			told = err != nil
			_ = backoff.Pause(ctx, attentionEvery) // the loop looks whether ctx has ended
		}
		return nil
	}
}

// newAttentionGauge returns the metric. It is shown from the first count on, with every cause. It is not shown while
// the last count has failed, because neither 0 nor an old number would be true.
func newAttentionGauge(r prometheus.Registerer) *prometheus.GaugeVec {
	gauge := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "orderloom_attention", Help: "What waits for a person, by cause: orders, sagas by the last look, and parked aggregates. The same in every process.",
	}, []string{"cause"})
	r.MustRegister(gauge)
	return gauge
}

func setAttention(ctx context.Context, gauge *prometheus.GaugeVec, pool *pgxpool.Pool) error {
	ctx, cancel := context.WithTimeout(ctx, attentionEvery)
	defer cancel()
	counts, err := readmodel.AttentionCounts(ctx, pool)
	if err != nil {
		gauge.Reset()
		return err
	}
	for cause, n := range counts {
		gauge.WithLabelValues(string(cause)).Set(float64(n))
	}
	return nil
}

// AttentionList is where what waits for a person is listed.
type AttentionList interface {
	Attention(ctx context.Context, q AttentionQuery) (AttentionPage, error)
}

// WithAPI calls f with a client of an API of this process, and with the list of what waits. So a command asks by the
// very routes that others ask by: with the same checks, refusals and idempotency. Nobody else reaches that API.
func WithAPI(ctx context.Context, cfg config.Config, tel *telemetry.Telemetry, f func(*client.Client, AttentionList) error) error {
	o := Options{Roles: []config.Role{config.RoleAPI}, Telemetry: tel, own: true}
	p, err := open(ctx, cfg, o)
	if err != nil {
		return err
	}
	return errors.Join(p.withAPI(ctx, o, f), p.close(ctx))
}

func (p *platform) withAPI(ctx context.Context, o Options, f func(*client.Client, AttentionList) error) error {
	identity, err := p.store.Identity(ctx)
	if err != nil {
		return err
	}
	if !identity.Confirmed {
		return eventstore.ErrUnconfirmed
	}
	key := rand.Text()
	p.cfg.HTTP.Access.Keys = []config.APIKey{{Name: "command", SHA256: sha256.Sum256([]byte(key))}}
	a, err := p.api(ctx, o)
	if err != nil {
		return err
	}
	c, err := client.New("http://localhost", client.WithAPIKey(key), client.WithHTTPClient(&http.Client{Transport: inProcess{a}}))
	if err != nil {
		return err
	}
	return f(c, p.reader)
}

// inProcess is a transport to a handler of this process.
type inProcess struct{ handler http.Handler }

// RoundTrip implements [http.RoundTripper].
func (t inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	a := &answer{header: http.Header{}, status: http.StatusOK}
	t.handler.ServeHTTP(a, r)
	return &http.Response{
		Status: http.StatusText(a.status), StatusCode: a.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: a.header, Body: io.NopCloser(&a.body), ContentLength: int64(a.body.Len()), Request: r,
	}, nil
}

// answer keeps what a handler answers.
type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// Header implements [http.ResponseWriter].
func (a *answer) Header() http.Header { return a.header }

// WriteHeader implements [http.ResponseWriter].
func (a *answer) WriteHeader(status int) { a.status = status }

// Write implements [http.ResponseWriter].
func (a *answer) Write(b []byte) (int, error) { return a.body.Write(b) }
