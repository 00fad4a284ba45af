package access

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/orderloom/orderloom/domain"
)

// issuerKeys are the keys of an issuer, which is asked for them anew when a token is not of a key that is known.
// Anybody can send such a token, so it is asked once in [issuerPause] at most. A token that nobody can check for the
// moment is told from one that is wrong.
type issuerKeys struct {
	oidc.KeySet
}

func newIssuerKeys(ctx context.Context, client *http.Client, at string, now func() time.Time) *issuerKeys {
	paused := *client
	paused.Transport = &pauses{RoundTripper: client.Transport, now: now}
	return &issuerKeys{oidc.NewRemoteKeySet(oidc.ClientContext(ctx, &paused), at)}
}

type fetchKey struct{}

// VerifySignature implements [oidc.KeySet].
func (k *issuerKeys) VerifySignature(ctx context.Context, token string) ([]byte, error) {
	payload, err := k.KeySet.VerifySignature(ctx, token)
	asked := err != nil && strings.HasPrefix(err.Error(), "fetching keys ")
	if fetch, ok := ctx.Value(fetchKey{}).(*error); ok && asked && !errors.Is(err, errKnown) {
		*fetch = err
	}
	return payload, err
}

var (
	// errKnown says that what the issuer would answer is known, for it has answered a moment ago.
	errKnown  = errors.New("the issuer has answered a moment ago")
	errSilent = errors.New("the issuer did not answer a moment ago")
)

// pauses lets no request follow another one within [issuerPause].
type pauses struct {
	http.RoundTripper

	now func() time.Time

	mu    sync.Mutex
	asked time.Time
	// answer is [errKnown], or [errSilent] where the last request has failed.
	answer error
}

// RoundTrip implements [http.RoundTripper].
func (p *pauses) RoundTrip(r *http.Request) (*http.Response, error) {
	p.mu.Lock()
	now := p.now()
	if now.Sub(p.asked) < issuerPause {
		defer p.mu.Unlock()
		return nil, p.answer
	}
	p.asked, p.answer = now, errSilent
	p.mu.Unlock()
	answer, err := p.RoundTripper.RoundTrip(r)
	if err == nil && answer.StatusCode == http.StatusOK {
		p.mu.Lock()
		p.answer = errKnown
		p.mu.Unlock()
	}
	return answer, err
}

// bounded returns a client that reads no more of an answer than [issuerBytesMax].
func bounded(c *http.Client) *http.Client {
	short := *c
	if short.Transport == nil {
		short.Transport = http.DefaultTransport
	}
	short.Transport = bounds{short.Transport}
	return &short
}

type bounds struct{ http.RoundTripper }

// RoundTrip implements [http.RoundTripper].
func (b bounds) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := b.RoundTripper.RoundTrip(r)
	if err == nil {
		answer.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(answer.Body, issuerBytesMax), answer.Body}
	}
	return answer, err
}

// briefly is the begin of what has gone wrong: go-oidc puts all of an answer into it that it can't read.
func briefly(err error) string {
	text := err.Error()
	if len(text) > brieflyBytes {
		return domain.Valid(text[:brieflyBytes]) + "…"
	}
	return text
}

const brieflyBytes = 300
