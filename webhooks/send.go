package webhooks

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/internal/breaker"
)

// Outcomes of attempts in the metric, besides those of the log.
const (
	outcomeUnreachable = "unreachable"
	outcomePrivate     = "private"
)

const (
	// responseKept is how much of an answer is kept.
	responseKept = 1 << 10
	// responseRead is how much is read, so that the connection can be used again.
	responseRead = 64 << 10
	userAgent    = "Orderloom-Webhooks/1"
)

// sent is what has become of an attempt.
type sent struct {
	lane *lane
	item item
	// previous is the event before it; known is false where that was not looked up.
	previous uuid.UUID
	// turnedAway is true where nothing was sent. The breaker is open, the store could not be read, or this process does
	// not know the version of the endpoint.
	turnedAway bool
	at         time.Time
	took       time.Duration
	status     int
	response   string
	err        error
	retryAfter time.Duration
}

// send makes one attempt. It ends within [RequestTimeout], and some seconds for the store.
func (r *runner) send(ctx context.Context, l *lane, it item, known bool, previous uuid.UUID) sent {
	s := sent{lane: l, item: it, previous: previous, at: r.d.now()}
	m := message{id: it.event.EventID, event: it.event, at: s.at}
	if l.kind == kindTest {
		m.id, m.test = l.subject, true
	} else if !known {
		var err error
		if s.previous, err = r.previous(ctx, l, &it.event); err != nil {
			s.err, s.turnedAway = err, true
			return s
		}
	}
	m.previous = s.previous
	body, err := write(&r.endpoint, m, r.d.versions)
	if err != nil {
		s.err, s.turnedAway = err, errors.Is(err, errUnknownVersion)
		return s
	}
	begun := time.Now()
	err = r.breaker.Do(ctx, func() error {
		if it.entry != nil && l.attempts == 0 {
			r.d.metrics.seconds.Observe(time.Since(it.event.OccurredAt).Seconds())
		}
		s.err = r.post(ctx, m.id, body, &s)
		return s.err
	})
	if open := (*breaker.OpenError)(nil); errors.As(err, &open) {
		s.err, s.turnedAway = err, true
		return s
	}
	s.took = time.Since(begun)
	r.d.metrics.attempts.WithLabelValues(s.outcome()).Inc()
	return s
}

// outcome is the metric's word for an attempt.
func (s *sent) outcome() string {
	switch {
	case s.err == nil:
		return OutcomeDelivered
	case errors.Is(s.err, ErrPrivateAddress):
		return outcomePrivate
	case s.status == 0:
		return outcomeUnreachable
	}
	return OutcomeFailed
}

// post makes the request. Any answer but 2xx is an error, a redirection too: it would take the payload elsewhere.
func (r *runner) post(ctx context.Context, id uuid.UUID, body []byte, s *sent) error {
	ctx, cancel := context.WithTimeout(ctx, RequestTimeout)
	defer cancel()
	now := time.Now()
	var keys []Key
	for _, k := range r.keys {
		if k.until.IsZero() || now.Before(k.until) {
			keys = append(keys, k.key)
		}
	}
	req, err := NewRequest(ctx, r.endpoint.URL, id, now, keys, body)
	if err != nil {
		return err
	}
	for name, value := range r.headers {
		req.Header.Set(name, value)
	}
	answer, err := r.d.client.Do(req)
	if err != nil {
		if errors.Is(err, context.DeadlineExceeded) {
			return fmt.Errorf("no answer within %s", RequestTimeout)
		}
		return told(err)
	}
	// The end of the time ends the reading as well. After a switch of protocols, net/http leaves the connection to us.
	closed := context.AfterFunc(ctx, func() { _ = answer.Body.Close() })
	defer func() { closed(); _ = answer.Body.Close() }()
	if s.status = answer.StatusCode; s.status == http.StatusSwitchingProtocols {
		return errors.New("the answer switches to another protocol")
	}
	kept, _ := io.ReadAll(io.LimitReader(answer.Body, responseKept))
	_, _ = io.CopyN(io.Discard, answer.Body, responseRead)
	s.response, s.retryAfter = storable(kept), retryAfter(answer, now)
	if answer.StatusCode < 200 || answer.StatusCode > 299 {
		return fmt.Errorf("the answer is %d %s", answer.StatusCode, http.StatusText(answer.StatusCode))
	}
	return nil
}

// NewRequest makes the request of a delivery, signed by all keys. A client that sends it must not follow redirections:
// see [NoRedirection].
func NewRequest(ctx context.Context, url string, id uuid.UUID, at time.Time, keys []Key, body []byte) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	// Without a value it is not sent. It lets net/http repeat a request whose connection the receiver has just closed
	// as idle: the id makes that harmless.
	req.Header["Idempotency-Key"] = nil
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", userAgent)
	req.Header.Set(HeaderID, id.String())
	req.Header.Set(HeaderTimestamp, strconv.FormatInt(at.Unix(), 10))
	req.Header.Set(HeaderSignature, SignAll(keys, id.String(), at, body))
	return req, nil
}

// NoRedirection is the CheckRedirect of a client that sends deliveries. A redirection is an answer, and no success.
func NoRedirection(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// told is what an account is told of a request that has failed. The address may have a secret in it. Where a name leads
// to in our network, and which resolver and proxy there are, is not for everybody who makes an endpoint.
func told(err error) error {
	var at *url.Error
	var name *net.DNSError
	var of *net.OpError
	switch {
	case errors.Is(err, ErrPrivateAddress):
		return ErrPrivateAddress
	case errors.As(err, &name) && name.IsNotFound:
		return errors.New("the name of the host has no address")
	case errors.As(err, &name):
		return errors.New("the name of the host can't be looked up")
	case errors.As(err, &of) && of.Op == "proxyconnect":
		return errors.New("the proxy of the platform can't be reached")
	case errors.As(err, &of):
		return fmt.Errorf("%s: %s", of.Op, strings.TrimPrefix(of.Err.Error(), of.Op+": "))
	case errors.As(err, &at):
		return at.Err
	}
	return err
}

// storable is a text that PostgreSQL takes.
func storable(b []byte) string { return strings.ReplaceAll(domain.Valid(string(b)), "\x00", "\ufffd") }
