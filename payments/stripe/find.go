package stripe

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/payments"
	api "github.com/stripe/stripe-go/v85"
)

const (
	// searchLag is how old an intent is at most that a search doesn't find yet. Stripe says a minute in
	// normal operation (https://docs.stripe.com/search#data-freshness).
	searchLag = 10 * time.Minute
	// pageSize is the most that Stripe returns at once.
	pageSize = 100
	// recentPagesMax bounds the pages of recent intents that are looked through. They hold 10,000 intents,
	// which is 16 a second for as long as a search may lag.
	recentPagesMax = 100
	// perPaymentMax bounds the intents of one payment: one for each time its authorisation ran out.
	perPaymentMax = 100
)

// errTooMany says that a lookup was given up, so that it proves nothing.
var errTooMany = errors.New("stripe has more payments than can be looked through")

// find returns all intents of a payment, also those that are too young to be searched. It proves that
// there are no others, unless Stripe's search is further behind than [searchLag].
func (g *Gateway) find(ctx context.Context, paymentID uuid.UUID) ([]*api.PaymentIntent, error) {
	byID := map[string]*api.PaymentIntent{}
	found, err := g.search(ctx, []uuid.UUID{paymentID})
	if err != nil {
		return nil, err
	}
	for _, pi := range found {
		byID[pi.ID] = pi
	}
	params := &api.PaymentIntentListParams{CreatedRange: &api.RangeQueryParams{GreaterThanOrEqual: g.now().Add(-searchLag).Unix()}}
	params.Limit = api.Int64(pageSize)
	params.AddExpand("data." + expandCharge)
	n := 0
	for pi, err := range g.client.V1PaymentIntents.List(ctx, params).All(ctx) {
		if err != nil {
			return nil, payments.NoAnswer(failed("list payments", err))
		}
		if n++; n > recentPagesMax*pageSize {
			return nil, payments.NoAnswer(errTooMany)
		}
		if pi.Metadata[metaPayment] == paymentID.String() {
			byID[pi.ID] = pi
		}
	}
	intents := make([]*api.PaymentIntent, 0, len(byID))
	for _, pi := range byID {
		intents = append(intents, pi)
	}
	slices.SortFunc(intents, func(a, b *api.PaymentIntent) int { return strings.Compare(a.ID, b.ID) })
	return intents, nil
}

// search returns the intents of some payments, at most ten: Stripe takes no more clauses.
func (g *Gateway) search(ctx context.Context, ids []uuid.UUID) ([]*api.PaymentIntent, error) {
	clauses := make([]string, len(ids))
	for i, id := range ids {
		clauses[i] = fmt.Sprintf("metadata['%s']:'%s'", metaPayment, id)
	}
	params := &api.PaymentIntentSearchParams{}
	params.Query = strings.Join(clauses, " OR ")
	params.Limit = api.Int64(pageSize)
	params.AddExpand("data." + expandCharge)
	var intents []*api.PaymentIntent
	for pi, err := range g.client.V1PaymentIntents.Search(ctx, params).All(ctx) {
		if err != nil {
			return nil, payments.NoAnswer(failed("search payments", err))
		}
		if intents = append(intents, pi); len(intents) > perPaymentMax*len(ids) {
			return nil, payments.NoAnswer(errTooMany)
		}
	}
	return intents, nil
}

// retrieve returns one intent. Error: gateway_refused when Stripe doesn't know it.
func (g *Gateway) retrieve(ctx context.Context, ref string) (*api.PaymentIntent, error) {
	params := &api.PaymentIntentRetrieveParams{}
	params.AddExpand(expandCharge)
	pi, err := g.client.V1PaymentIntents.Retrieve(ctx, ref, params)
	if f := failed("retrieve "+ref, err); f != nil {
		return nil, f.asError()
	}
	return pi, nil
}
