package api

import (
	"context"
	"net/http"
	"time"

	"github.com/orderloom/orderloom/api/httpx"
	"github.com/orderloom/orderloom/domain"
)

// codeStoreUnconfirmed is for requests that would change something while the event store takes no append.
const codeStoreUnconfirmed domain.ErrorCode = "store_unconfirmed"

var kindStoreUnconfirmed = httpx.Kind{
	Code: codeStoreUnconfirmed, Status: http.StatusServiceUnavailable, Title: "The event store was restored and is not confirmed yet",
	About: "Orders can be read, and not be taken or changed, until an operator has confirmed that the store is complete. Nothing " +
		"was done. Repeat the request after the time in Retry-After; a POST with an Idempotency-Key, under the same key.",
}

// unconfirmedRetryAfter is when a refused client is told to come again.
const unconfirmedRetryAfter = 10 * time.Second

// changing lets a route that changes something refuse while the event store takes no append. What it accepted would
// have to wait in a saga, and be lost with that saga's memory when the store is recovered.
func (a *API) changing(handle httpx.Handler) httpx.Handler {
	return func(ctx context.Context, x *httpx.Exchange) error {
		if err := a.unconfirmed(); err != nil {
			p := httpx.NewProblem(kindStoreUnconfirmed, "nothing can be taken or changed until the event store is confirmed").Because(err)
			p.RetryAfter = unconfirmedRetryAfter
			return p
		}
		return handle(ctx, x)
	}
}
