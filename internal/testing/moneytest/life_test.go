package moneytest_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/activities"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/inventory"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/eventstore"
	"github.com/orderloom/orderloom/payments"
	"github.com/orderloom/orderloom/payments/stripe"
	"github.com/orderloom/orderloom/payments/stripe/stripefake"
	"github.com/orderloom/orderloom/workflows"
	"github.com/shopspring/decimal"
)

// life is one order, the fake Stripe that its money is at, and the people around it.
type life struct {
	*shop
	//nolint:containedctx // a life is one call
	ctx     context.Context
	seed    uint64
	setting setting
	orderID uuid.UUID
	input   workflows.OrderInput
	// received is what was brought into the stock, by "sku@location".
	received map[place]int

	stripe  *stripefake.Server
	webhook *stripe.Webhook

	mu   sync.Mutex
	rand *rand.Rand
	// clock is the time while no execution runs, and the latest that any has had.
	clock time.Time
	// running are the executions under way; the first is the order's, if it is of saga.
	running []*execution
	saga    *execution
	// chaos is true while calls and steps may fail; down and revoked count the calls to come that do.
	chaos         bool
	down, revoked int
	// interludes is how many more things happen between a call and its record.
	interludes, depth int
	// left is how many things happen until the order is taken to its end, and idle how often nothing went on since.
	left, idle int
	settling   bool
	stayOpen   bool
	disputes   []string
	reports    int
	told       map[string]int     // by the id of a webhook: how often it was delivered
	unanswered map[uuid.UUID]bool // shipments whose dispatch was reported, and not answered
	// onceOnly is true once a card was given that can be captured once.
	onceOnly bool
	// writtenOff is what a person has settled with less than was owed.
	writtenOff money.Money
	requests   []workflows.RefundInput
	methods    []workflows.PaymentRequest
	returns    []workflows.ReturnInput
	edits      []workflows.EditRequest
	// cancellations are the requests to cancel pieces, by their ids.
	cancellations map[string]workflows.CancelLinesRequest
	// promised is what the preview of the edit tells that is under way.
	promised *order.Order

	// count is how many steps of sagas were begun.
	count  int
	steps  []string
	noted  map[string]bool
	faults []string
}

// place is where goods lie.
type place struct{ sku, location string }

// setting is what a gateway and a card can do.
type setting struct {
	currency   string
	card       string
	singleOnly bool // the account can capture an intent only once
	keep       bool
	strict     bool // a gateway with coarser steps and larger minimums
	limits     money.Limits
	items      []order.Item
	// shipping and discounts are priced with the items, and so are their taxes.
	shipping     []order.ShippingLine
	discounts    []order.Discount
	capabilities payments.Capabilities
}

func (s setting) content() order.Content {
	return order.Content{Items: s.items, ShippingLines: s.shipping, Discounts: s.discounts}
}

func (s setting) String() string {
	text := fmt.Sprintf("%s, %s, single capture %t, method kept %t, strict %t", s.card, s.content().Total(), s.singleOnly, s.keep, s.strict)
	for _, i := range s.items {
		text += fmt.Sprintf("; %d of %s at %s, in all %s", i.Quantity, i.SKU, i.UnitPrice.Text(), i.Total().Text())
	}
	for _, line := range s.shipping {
		text += "; shipping " + line.Total().Text()
	}
	return text
}

const (
	stripeKey     = "sk_test_money"
	webhookSecret = "whsec_money" //nolint:gosec // of a fake
	happeningsMin = 4
	happeningsMax = 16
)

var begin = time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)

// live runs the life of a seed and audits what came of it.
func (s *shop) live(ctx context.Context, seed uint64) (l *life) {
	l = &life{
		shop: s, ctx: ctx, seed: seed, rand: rand.New(rand.NewPCG(seed, 20)), clock: begin, received: map[place]int{}, told: map[string]int{}, noted: map[string]bool{},
		unanswered: map[uuid.UUID]bool{}, cancellations: map[string]workflows.CancelLinesRequest{},
	}
	l.orderID = domain.DerivedID(uuid.NameSpaceOID, fmt.Sprintf("money/%d", seed))
	l.choose()
	l.stripe = stripefake.Start(stripefake.Options{
		Key: stripeKey, APIVersion: stripe.APIVersion, NoMulticapture: l.setting.singleOnly, SearchLag: time.Minute,
		ReleaseIsRefund: seed%2 == 0,
	})
	defer l.stripe.Close()
	l.stripe.Advance(begin.Sub(l.stripe.Now()))
	var err error
	if l.webhook, err = stripe.NewWebhook(webhookSecret); err != nil {
		panic(err)
	}
	l.left = happeningsMin + l.rand.IntN(happeningsMax-happeningsMin)
	l.chaos, l.interludes = l.chance(0.8), 3
	// A card that breaks its promise looks as if it could be captured again.
	l.stayOpen = l.chance(0.15) && l.setting.card != stripefake.CardBreaksPromise
	defer func() {
		if r := recover(); r != nil && r != errGaveUp { //nolint:errorlint // it is a value
			l.fault("panic: %v\n%s", r, debug.Stack())
		}
	}()
	l.happenAll()
	l.settle()
	l.audit()
	return l
}

// choose draws what is ordered, and what the gateway can do.
func (l *life) choose() {
	s := &l.setting
	s.currency = pick(l, "EUR", "EUR", "EUR", "KWD", "JPY", "GBP")
	s.card = pick(l, stripefake.CardVisa, stripefake.CardVisa, stripefake.CardVisa, stripefake.CardOnceOnly, stripefake.CardBreaksPromise,
		stripefake.Card3DS, stripefake.CardConfirmationOnce, stripefake.CardDeclinesAgain)
	s.singleOnly, s.keep, s.strict = l.chance(0.15), l.chance(0.6), l.chance(0.2)
	s.capabilities = stripe.Provider.Capabilities
	if s.strict {
		amounts := s.capabilities.Amounts
		s.capabilities.Amounts = func(currency string) (money.Limits, bool) {
			m, taken := amounts(currency)
			step := money.FromMinorUnits(50, currency).Amount
			m.Step, m.CaptureMin, m.AuthorizeMin, m.RefundMin = step, step.Mul(decimal.NewFromInt(4)), step.Mul(decimal.NewFromInt(4)), step.Mul(decimal.NewFromInt(2))
			return m, taken
		}
	}
	s.limits, _ = s.capabilities.Limits(s.currency)
	taxed := l.chance(0.5)
	for ok := false; !ok; ok = order.CheckChargeable(s.content(), s.limits, true) == nil {
		s.items, s.shipping, s.discounts = nil, nil, nil
		for i := range 1 + l.rand.IntN(3) {
			cents := int64(1 + l.rand.IntN(pick(l, 40, 3_000, 3_000, 20_000)))
			if s.currency == "KWD" {
				cents += 9 // no line is cheaper than a hundredth
			}
			sku := fmt.Sprintf("%s-%d", l.orderID.String()[:13], 1+l.rand.IntN(i+1))
			s.items = append(s.items, order.Item{
				ProductID: "prod", SKU: sku, Quantity: 1 + l.rand.IntN(3), UnitPrice: money.FromMinorUnits(cents, s.currency),
			})
		}
		if taxed {
			l.price()
		}
	}
	for _, i := range s.items {
		if i.Digital() {
			continue
		}
		at := pick(l, "berlin", "reno")
		l.receive(place{i.SKU, at}, i.Quantity+l.rand.IntN(2))
	}
	l.input = workflows.OrderInput{
		OrderID: l.orderID, CustomerID: "cus_" + l.orderID.String()[:8], Items: s.items, ShippingLines: s.shipping, Discounts: s.discounts,
		ShippingByValue: l.chance(0.3), ShipToCountry: "DE",
		Personal: domain.Sealed{Key: "test", Data: []byte("sealed")}, PaymentToken: s.card, RequestHash: "hash",
		KeepPaymentMethod: s.keep, Deadlines: deadlines,
	}
}

var deadlines = workflows.Deadlines{Stock: 14 * 24 * time.Hour, Review: 48 * time.Hour, Payment: 30 * time.Minute, Dispatch: 72 * time.Hour, PaymentRequired: 5 * 24 * time.Hour}

// receive brings goods in without a saga.
func (l *life) receive(p place, quantity int) {
	id := inventory.ID(p.sku, p.location)
	c := inventory.ReceiveStock{SKU: p.sku, Location: p.location, ReceiptID: domain.DerivedID(l.orderID, p.sku+p.location+fmt.Sprint(l.received[p])), Quantity: quantity, At: begin}
	_, _, err := eventstore.Execute(l.ctx, l.events, stockItems, id, eventstore.Stamp{Source: "test/" + c.ReceiptID.String(), At: begin},
		func(s inventory.Stock) ([]domain.Event, error) { return inventory.Receive(s, c) })
	if err != nil {
		panic(err)
	}
	l.received[p] += quantity
}

var (
	stockItems = eventstore.Aggregate[inventory.Stock]{Type: domain.AggregateInventory, Evolve: inventory.Evolve}
	orders     = eventstore.Aggregate[order.Order]{Type: domain.AggregateOrder, Evolve: order.Evolve, Clone: order.Order.Clone}
	paid       = eventstore.Aggregate[payment.Payment]{Type: domain.AggregatePayment, Evolve: payment.Evolve, Clone: payment.Payment.Clone}
)

func (l *life) order() order.Order {
	o, _, err := eventstore.Fold(l.ctx, l.events, orders, l.orderID)
	if err != nil {
		panic(err)
	}
	return o
}

func (l *life) payment() payment.Payment {
	p, _, err := eventstore.Fold(l.ctx, l.events, paid, payment.ID(l.orderID))
	if err != nil {
		panic(err)
	}
	return p
}

func (l *life) owes() bool {
	owed, err := activities.FoldOwed(l.ctx, l.events, l.order())
	if err != nil {
		panic(err)
	}
	return !owed.Nothing()
}

// happenAll takes the order from its placing until nothing more happens.
func (l *life) happenAll() {
	for l.count < stepsMax && (l.left > 0 || !l.atRest()) {
		o := l.order()
		switch {
		case o.Status == "":
			l.note("the customer places the order")
			l.runSaga(l.input)
		case !o.Status.Ended() || l.owes():
			l.note("the order is resumed")
			l.runSaga(workflows.OrderInput{OrderID: l.orderID, Resume: true})
		case l.left > 0:
			l.left--
			l.wait()
			l.happen()
		default:
			return
		}
	}
}

// atRest reports whether the order has ended, or is left open.
func (l *life) atRest() bool {
	o := l.order()
	return o.Status.Ended() || l.stayOpen && o.Status != ""
}

// now is the latest time of any clock.
func (l *life) now() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, x := range l.running {
		if at := x.env.Now(); at.After(l.clock) {
			l.clock = at
		}
	}
	return l.clock
}

// wait lets time pass while no saga runs.
func (l *life) wait() {
	d := l.pause()
	l.mu.Lock()
	l.clock = l.clock.Add(d)
	l.mu.Unlock()
	l.syncClock()
}

// pause is how long nothing happens.
func (l *life) pause() time.Duration {
	return pick(l, time.Minute, 10*time.Minute, time.Hour, 2*time.Hour, 2*time.Hour, 13*time.Hour, 25*time.Hour, 60*time.Hour, 8*24*time.Hour)
}

// syncClock brings the gateway's clock up to ours.
func (l *life) syncClock() {
	if d := l.now().Sub(l.stripe.Now()); d > 0 {
		l.stripe.Advance(d)
	}
}

func (l *life) note(format string, args ...any) {
	at := l.now().Sub(begin).Round(time.Second)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.steps = append(l.steps, fmt.Sprintf("%10s  %s", at, fmt.Sprintf(format, args...)))
}

// noteOnce notes what is repeated often only once.
func (l *life) noteOnce(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	l.mu.Lock()
	before := l.noted[text]
	l.noted[text] = true
	l.mu.Unlock()
	if !before {
		l.note("%s", text)
	}
}

func (l *life) fault(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.faults = append(l.faults, fmt.Sprintf(format, args...))
}

func (l *life) chance(p float64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.rand.Float64() < p
}

func (l *life) intN(n int) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.rand.IntN(n)
}

func pick[T any](l *life, of ...T) T { return of[l.intN(len(of))] }
