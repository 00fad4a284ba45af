package stripe

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
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

// Find implements [payments.Gateway].
func (g *Gateway) Find(ctx context.Context, r payments.FindRequest) (payments.LedgerEntry, error) {
	var named *api.PaymentIntent
	if r.GatewayRef != "" {
		pi, err := g.retrieve(ctx, r.GatewayRef)
		switch {
		case domain.Code(err) == payments.CodeGatewayRefused: // Stripe doesn't know it
		case err != nil:
			return payments.LedgerEntry{}, err
		default:
			named = pi
		}
	}
	if r.PaymentID == uuid.Nil && named != nil {
		r.PaymentID = idOf(named.Metadata, metaPayment)
	}
	if r.PaymentID == uuid.Nil {
		return payments.LedgerEntry{}, nil
	}
	intents, err := g.find(ctx, r.PaymentID)
	if err != nil {
		return payments.LedgerEntry{}, unanswered(err)
	}
	if named != nil && named.Metadata[metaPayment] == r.PaymentID.String() &&
		!slices.ContainsFunc(intents, func(pi *api.PaymentIntent) bool { return pi.ID == named.ID }) {
		intents = append(intents, named)
	}
	if len(intents) == 0 {
		return payments.LedgerEntry{}, nil
	}
	entry, err := g.entry(ctx, r.PaymentID, intents, true)
	return entry, unanswered(err)
}

// unanswered returns a refusal as no answer: a question is never refused for good.
func unanswered(err error) error {
	if domain.Code(err) == payments.CodeGatewayRefused {
		return payments.NoAnswer(err)
	}
	return err
}

// find returns all intents of a payment as they are now, also those that are too young to be searched. It proves that
// there are no others, unless Stripe's search is further behind than [searchLag].
func (g *Gateway) find(ctx context.Context, paymentID uuid.UUID) ([]*api.PaymentIntent, error) {
	byID := map[string]*api.PaymentIntent{}
	found, err := g.search(ctx, []uuid.UUID{paymentID})
	if err != nil {
		return nil, err
	}
	params := &api.PaymentIntentListParams{CreatedRange: &api.RangeQueryParams{GreaterThanOrEqual: g.now().Add(-searchLag).Unix()}}
	params.Limit = api.Int64(pageSize)
	params.AddExpand("data." + expandCharge)
	n := 0
	for pi, err := range g.client.V1PaymentIntents.List(ctx, params).All(ctx) {
		if err != nil {
			return nil, failed("list payments", err).noAnswer()
		}
		if n++; n > recentPagesMax*pageSize {
			return nil, payments.NoAnswer(errTooMany)
		}
		if pi.Metadata[metaPayment] == paymentID.String() {
			byID[pi.ID] = pi
		}
	}
	for _, pi := range found {
		if byID[pi.ID] == nil { // a search may show it as it was
			if byID[pi.ID], err = g.retrieve(ctx, pi.ID); err != nil {
				return nil, err
			}
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
			return nil, failed("search payments", err).noAnswer()
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
