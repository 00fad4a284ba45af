package app

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"io"
	"net/http"
	"slices"
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
	gauges := newWaitingGauges(p.tel.Registry)
	return func(ctx context.Context) error {
		told := false
		for ctx.Err() == nil {
			err := gauges.set(ctx, p.pool)
			if err != nil && ctx.Err() == nil && !told {
				p.tel.Logger.WarnContext(ctx, "what waits for a person could not be counted, trying again", "error", err)
			}
			told = err != nil
			_ = backoff.Pause(ctx, attentionEvery) // the loop looks whether ctx has ended
		}
		return nil
	}
}

// waitingGauges are metrics of what waits. They are shown from the first count on, with every cause and every currency.
// They are not shown while the last count has failed, because neither 0 nor an old number would be true.
type waitingGauges struct {
	attention, oldest *prometheus.GaugeVec
	owed, owedAmount  *prometheus.GaugeVec
	// currencies are those that were owed before, and whose metrics go on with 0.
	currencies map[string]bool
}

func newWaitingGauges(r prometheus.Registerer) *waitingGauges {
	gauge := func(name, label, help string) *prometheus.GaugeVec {
		g := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help + " The same in every process."}, []string{label})
		r.MustRegister(g)
		return g
	}
	return &waitingGauges{
		attention:  gauge("orderloom_attention", "cause", "What waits for a person, by cause: orders, sagas by the last look, and parked aggregates."),
		oldest:     gauge("orderloom_attention_oldest_seconds", "cause", "How long the first of what waits for a person has waited, by cause; 0 for none."),
		owed:       gauge("orderloom_refunds_owed", "currency", "Orders whose customers are owed a refund that nobody has paid yet."),
		owedAmount: gauge("orderloom_refunds_owed_amount", "currency", "What these customers are owed, in units of the currency."),
		currencies: map[string]bool{},
	}
}

func (g *waitingGauges) set(ctx context.Context, pool *pgxpool.Pool) error {
	ctx, cancel := context.WithTimeout(ctx, attentionEvery)
	defer cancel()
	counts, err := readmodel.AttentionCounts(ctx, pool)
	if err != nil {
		g.reset()
		return err
	}
	owed, err := readmodel.RefundsOwed(ctx, pool)
	if err != nil {
		g.reset()
		return err
	}
	for cause, n := range counts {
		g.attention.WithLabelValues(string(cause)).Set(float64(n.Count))
		g.oldest.WithLabelValues(string(cause)).Set(n.Oldest.Seconds())
	}
	for currency := range g.currencies {
		if !slices.ContainsFunc(owed, func(o readmodel.OwedSum) bool { return o.Currency == currency }) {
			owed = append(owed, readmodel.OwedSum{Currency: currency})
		}
	}
	for _, o := range owed {
		g.currencies[o.Currency] = true
		g.owed.WithLabelValues(o.Currency).Set(float64(o.Orders))
		g.owedAmount.WithLabelValues(o.Currency).Set(o.Amount)
	}
	return nil
}

func (g *waitingGauges) reset() {
	for _, gauge := range []*prometheus.GaugeVec{g.attention, g.oldest, g.owed, g.owedAmount} {
		gauge.Reset()
	}
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
