// Package eventtest makes events for tests and benchmarks: the lives of whole orders, as the sagas would write them.
// It also has a store in memory to keep them in.
package eventtest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sort"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/catalog"
	"github.com/orderloom/orderloom/domain/inventory"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/domain/pricing"
	"github.com/orderloom/orderloom/eventstore"
	"github.com/shopspring/decimal"
)

// SKUs is how many different SKUs the orders are for.
const SKUs = 50

// location is where all the stock lies.
const location = "berlin"

// AppendOf is the append that stores an event as it is, but for its sequence.
func AppendOf(e domain.Envelope) eventstore.Append {
	return eventstore.Append{
		Stream: eventstore.StreamID{Type: e.AggregateType, ID: e.AggregateID}, Expected: e.Version - 1,
		Events: []eventstore.NewEvent{{
			ID: e.EventID, Type: e.EventType, SchemaVersion: e.EventVersion, Payload: e.Payload, Metadata: e.Metadata, Timestamp: e.Timestamp,
		}},
	}
}

// Lives returns the events of n orders in a global order that mixes the orders. The same seed gives the same
// events. Some orders are cancelled, some declined, some delivered, a few refunded.
func Lives(seed uint64, n int) []domain.Envelope {
	g := &generator{rand: rand.New(rand.NewPCG(seed, seed)), seed: seed, at: time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)}
	g.versions = map[uuid.UUID]int64{}
	for i := range SKUs {
		g.stock(sku(i), inventory.StockReceived{SKU: sku(i), Location: location, ReceiptID: g.id(), Quantity: 1_000_000, ReceivedAt: g.at})
	}
	// Up to 64 orders are under way at once.
	var open []*life
	for started := 0; started < n || len(open) > 0; {
		if started < n && len(open) < 64 {
			open = append(open, g.newLife(started))
			started++
		}
		i := g.rand.IntN(len(open))
		if !open[i].step(g) {
			open = slices.Delete(open, i, i+1)
		}
	}
	return g.events
}

func sku(i int) string { return fmt.Sprintf("SKU-%03d", i) }

type generator struct {
	rand     *rand.Rand
	seed     uint64
	at       time.Time
	sequence int64
	count    int
	versions map[uuid.UUID]int64
	events   []domain.Envelope
}

func (g *generator) id() uuid.UUID {
	g.count++
	return domain.DerivedID(uuid.NameSpaceOID, fmt.Sprintf("%d/%d", g.seed, g.count))
}

func (g *generator) add(aggregateType string, id, orderID uuid.UUID, events ...domain.Event) {
	for _, e := range events {
		payload, err := catalog.Encode(e)
		if err != nil {
			panic(err)
		}
		g.at = g.at.Add(time.Duration(1+g.rand.IntN(50)) * time.Millisecond)
		g.sequence++
		if g.rand.IntN(20) == 0 {
			g.sequence++ // a number that was burnt
		}
		g.versions[id]++
		g.events = append(g.events, domain.Envelope{
			EventID: g.id(), AggregateID: id, AggregateType: aggregateType, EventType: e.EventType(), EventVersion: e.EventVersion(),
			Payload: payload, Timestamp: g.at, Version: g.versions[id], Sequence: g.sequence,
			Metadata: domain.Metadata{
				CorrelationID: orderID.String(), CausationID: "order-" + orderID.String() + "/step",
				TraceParent: fmt.Sprintf("00-%032x-%016x-01", g.count, g.count), UserID: actors[g.versions[id]%int64(len(actors))],
			},
		})
	}
}

// actors have asked for the events; the empty one is the platform itself.
var actors = []string{"", "storefront/k-1", "support/k-2"}

func (g *generator) stock(sku string, e domain.Event) {
	g.add(domain.AggregateInventory, inventory.ID(sku, location), uuid.Nil, e)
}

// life is one order on its way.
type life struct {
	id    uuid.UUID
	order order.Order
	pay   payment.Payment
	next  int
	end   string
}

func (g *generator) newLife(i int) *life {
	ends := []string{"delivered", "delivered", "delivered", "delivered", "declined", "cancelled", "refunded", "action"}
	return &life{id: domain.DerivedID(uuid.NameSpaceURL, fmt.Sprintf("order/%d/%d", g.seed, i)), end: ends[g.rand.IntN(len(ends))]}
}

// step appends the events of the order's next step and reports whether there are more.
func (l *life) step(g *generator) bool {
	l.next++
	switch l.next {
	case 1:
		l.place(g)
	case 2:
		for _, i := range l.order.Items {
			g.add(domain.AggregateInventory, inventory.ID(i.SKU, location), l.id,
				inventory.StockReserved{SKU: i.SKU, Location: location, OrderID: l.id, Quantity: i.Quantity, ReservedAt: g.at})
		}
	case 3:
		l.authorize(g)
	case 4:
		if l.end == "action" {
			l.pays(g, must(payment.Authorize(l.pay, payment.RecordAuthorization{
				OrderID: l.id, Amount: l.order.Total, Status: payment.StatusAuthorized, GatewayRef: "ref-" + l.id.String(), ExpiresAt: g.at.Add(time.Hour), At: g.at,
			})))
		}
	case 5:
		if l.end == "declined" {
			l.cancel(g, order.ReasonPaymentDeclined)
			return false
		}
		var allocations []inventory.Allocation
		for _, i := range l.order.Items {
			allocations = append(allocations, inventory.Allocation{SKU: i.SKU, Location: location, Quantity: i.Quantity})
		}
		l.decide(g, must(order.Confirm(l.order, order.ConfirmOrder{Shipments: order.PlanShipments(l.order, allocations), At: g.at})))
	case 6:
		if l.end == "cancelled" {
			l.pays(g, payment.Void(l.pay, payment.VoidPayment{OrderID: l.id, Reason: order.ReasonCustomerRequest, At: g.at}))
			l.cancel(g, order.ReasonCustomerRequest)
			return false
		}
		l.tell(g)
		s := l.order.Shipments[0]
		for _, i := range l.order.Items {
			g.add(domain.AggregateInventory, inventory.ID(i.SKU, location), l.id,
				inventory.StockCommitted{SKU: i.SKU, Location: location, OrderID: l.id, Quantity: i.Quantity, CommittedAt: g.at})
		}
		l.decide(g, must(order.Dispatch(l.order, order.DispatchShipment{ShipmentID: s.ShipmentID, Carrier: "DHL", TrackingNumber: "T1", At: g.at})))
		l.pays(g, must(payment.Capture(l.pay, payment.CapturePayment{CaptureID: s.ShipmentID, Amount: s.Amount, GatewayRef: "capture", At: g.at})))
	case 7:
		l.decide(g, must(order.Deliver(l.order, order.DeliverShipment{ShipmentID: l.order.Shipments[0].ShipmentID, At: g.at})))
		if l.end != "refunded" {
			return false
		}
	case 8:
		half := money.FromMinorUnits(l.pay.Captured.MinorUnits()/2+1, l.pay.Captured.Currency)
		id := g.id()
		l.pays(g, must(payment.RequestRefund(l.pay, payment.RefundPayment{RefundID: id, Amount: half, Reason: "damaged", At: g.at})))
		l.pays(g, must(payment.AnswerRefund(l.pay, payment.RefundAnswer{
			RefundID: id, Attempt: 1, Status: payment.RefundStatusPaid, GatewayRef: "refund", At: g.at,
		})))
	case 9:
		l.giveBack(g)
		l.owe(g, l.pay.Captured.MinorUnits()%5)
	case 10:
		l.dispute(g, l.pay.Captured.MinorUnits()%4)
		return false
	}
	return true
}

// owe appends that a quarter of what was captured is owed, and the first steps of paying it.
func (l *life) owe(g *generator, steps int64) {
	id := g.id()
	quarter := money.FromMinorUnits(l.pay.Captured.MinorUnits()/4+1, l.pay.Captured.Currency)
	l.pays(g, payment.Owe(l.pay, payment.OweRefund{RefundID: id, Amount: quarter, Reason: payment.ReasonReturn, At: g.at}))
	if r, known := l.pay.Refund(id); steps == 0 || !known || r.Remaining().IsZero() {
		return // the amount is so small that nothing more can be owed, or the gateway is not asked yet
	}
	l.pays(g, must(payment.RequestRefund(l.pay, payment.RefundPayment{RefundID: id, At: g.at})))
	if steps == 1 {
		return
	}
	status := []payment.RefundStatus{payment.RefundStatusPending, payment.RefundStatusPaid, payment.RefundStatusFailed}[steps-2]
	l.pays(g, must(payment.AnswerRefund(l.pay, payment.RefundAnswer{
		RefundID: id, Attempt: 1, Status: status, GatewayRef: "owed", Cause: "card_closed", At: g.at,
	})))
}

// dispute appends that the customer claims a quarter at the bank, and what has become of that.
func (l *life) dispute(g *generator, steps int64) {
	status := []payment.DisputeStatus{
		payment.DisputeStatusOpen, payment.DisputeStatusFundsWithdrawn, payment.DisputeStatusWon, payment.DisputeStatusLost,
	}[steps]
	quarter := money.FromMinorUnits(l.pay.Captured.MinorUnits()/4+1, l.pay.Captured.Currency)
	l.pays(g, must(payment.RecordDispute(l.pay, payment.GatewayDispute{
		GatewayRef: "dispute-" + l.id.String(), Amount: quarter, Status: status, Reason: "fraudulent", At: g.at,
	})))
}

// place appends that the order was placed, with one to three items.
func (l *life) place(g *generator) {
	currency := []string{"EUR", "USD", "JPY"}[g.rand.IntN(3)]
	var items []order.Item
	for range 1 + g.rand.IntN(3) {
		items = append(items, order.Item{
			ProductID: "product", SKU: sku(g.rand.IntN(SKUs)), Quantity: 1 + g.rand.IntN(5),
			UnitPrice: money.Must(fmt.Sprint(1+g.rand.IntN(200)), currency),
		})
	}
	c := order.Content{Items: items}
	if l.id[15]%8 == 0 {
		c = priced(c, currency)
	}
	l.decide(g, must(order.Place(l.order, order.PlaceOrder{
		OrderID: l.id, CustomerID: fmt.Sprintf("customer-%d", g.rand.IntN(200)), ShipToCountry: "DE",
		Items: c.Items, ShippingLines: c.ShippingLines, Discounts: c.Discounts, Rounding: c.Rounding,
		Personal:    domain.Sealed{Key: "customer:1", Data: []byte("sealed personal data of about a hundred bytes, as AES-GCM leaves them behind it here")},
		RequestHash: "hash", At: g.at, References: l.references(), Caller: accounts[int(l.id[3])%len(accounts)],
	})))
}

// accounts place the orders; the empty one is an open platform.
var accounts = []string{"", "shop", "market"}

// references are those of an order in three.
func (l *life) references() (r order.References) {
	if l.id[0]%3 == 0 {
		r = order.References{
			ExternalReference: "R-" + l.id.String(), Channel: fmt.Sprintf("channel-%d", l.id[1]%3), Metadata: map[string]string{"campaign": "spring"},
			Tags: []string{"gift", fmt.Sprintf("tag-%d", l.id[2]%3)},
		}
	}
	return r
}

// tell appends a note and a change of the details, to an order in three.
func (l *life) tell(g *generator) {
	if l.id[3]%3 != 0 {
		return
	}
	noted := order.AddNote{NoteID: g.id(), Text: domain.Sealed{Key: "customer:1", Data: []byte("sealed note")}, Author: "ann", At: g.at}
	l.decide(g, must(order.Noted(l.order, noted)))
	l.decide(g, must(order.Change(l.order, order.ChangeDetails{
		RequestID: g.id(), By: "ann", At: g.at,
		Change: order.DetailsChange{
			Metadata: map[string]string{"bin": "A-17"}, RemoveMetadata: []string{"campaign"}, AddTags: []string{"packed"}, RemoveTags: []string{"gift"},
		},
	})))
}

// giveBack appends that a piece came back, of an order in two. Of the others it appends the first steps of a return.
func (l *life) giveBack(g *generator) {
	id, lines := g.id(), []order.ReturnLine{{LineID: l.order.Items[0].LineID, Quantity: 1, Restock: true, Reason: "damaged"}}
	if l.id[4]%2 == 0 {
		l.decide(g, must(order.Return(l.order, order.ReturnOrder{ReturnID: id, Lines: lines, Reason: "broken", At: g.at})))
		return
	}
	l.decide(g, must(order.RequestReturn(l.order, order.AskToReturn{
		ReturnID: id, Lines: lines, Reason: "broken", By: order.ByCustomer, DecideWithin: time.Hour, At: g.at,
	})))
	decide := func(action order.ReturnAction) {
		l.decide(g, must(order.Decide(l.order, order.DecideReturn{
			ReturnID: id, Action: action, By: order.ByOperator, Reason: "worn", ExpiresAfter: time.Hour, At: g.at,
		})))
	}
	switch steps := l.id[5] % 7; steps {
	case 0:
	case 1:
		l.decide(g, order.EndReturns(l.order, g.at.Add(time.Hour)))
		decide(order.ReturnApprove)
	case 2:
		decide(order.ReturnRefuse)
	case 3:
		decide(order.ReturnCancel)
	default:
		if decide(order.ReturnApprove); steps == 5 {
			l.decide(g, order.EndReturns(l.order, g.at.Add(time.Hour)))
		} else if steps == 6 {
			l.decide(g, must(order.Receive(l.order, order.ReturnOrder{ReturnID: id, Lines: lines, At: g.at})))
		}
	}
}

// priced gives an order shipping, a discount of 10 % and 19 % tax on top.
func priced(c order.Content, currency string) order.Content {
	tax := []pricing.TaxRule{{Name: "VAT", Rate: decimal.New(19, -2)}}
	off := decimal.NewFromInt(10)
	c.ShippingLines = []order.ShippingLine{{Method: "standard", Amount: money.Must("4", currency)}}
	c.Discounts, c.Rounding = []order.Discount{{Target: pricing.TargetOrder, Percentage: off}}, pricing.Rounding{Mode: pricing.HalfEven}
	p := pricing.Order{Currency: currency, Rounding: c.Rounding, Discounts: []pricing.Discount{{Target: pricing.TargetOrder, Percentage: off}}}
	for _, i := range c.Items {
		p.Lines = append(p.Lines, pricing.Line{UnitPrice: i.UnitPrice, Quantity: i.Quantity, Taxes: tax})
	}
	p.Shipping = []pricing.ShippingLine{{Amount: c.ShippingLines[0].Amount, Taxes: tax}}
	result, err := pricing.Price(p)
	if err != nil {
		panic(err)
	}
	return c.Priced(result)
}

// authorize appends what became of the payment's authorisation.
func (l *life) authorize(g *generator) {
	status := payment.StatusAuthorized
	switch l.end {
	case "declined":
		status = payment.StatusDeclined
	case "action":
		status = payment.StatusActionRequired
	}
	l.pays(g, must(payment.Authorize(l.pay, payment.RecordAuthorization{
		OrderID: l.id, Amount: l.order.Total, Status: status, GatewayRef: "ref-" + l.id.String(), ActionURL: "https://bank.example/confirm",
		DeclineCode: "card_declined", ExpiresAt: g.at.Add(time.Hour), At: g.at,
	})))
}

func (l *life) cancel(g *generator, reason string) {
	for _, i := range l.order.Items {
		g.add(domain.AggregateInventory, inventory.ID(i.SKU, location), l.id,
			inventory.StockReleased{SKU: i.SKU, Location: location, OrderID: l.id, Quantity: i.Quantity, Reason: reason, ReleasedAt: g.at})
	}
	l.decide(g, must(order.Cancel(l.order, order.CancelOrder{Reason: reason, By: "customer", At: g.at})))
}

func (l *life) decide(g *generator, events []domain.Event) {
	for _, e := range events {
		l.order = order.Evolve(l.order, e)
	}
	g.add(domain.AggregateOrder, l.id, l.id, events...)
}

func (l *life) pays(g *generator, events []domain.Event) {
	for _, e := range events {
		l.pay = payment.Evolve(l.pay, e)
	}
	g.add(domain.AggregatePayment, payment.ID(l.id), l.id, events...)
}

func must(events []domain.Event, err error) []domain.Event {
	if err != nil {
		panic(err)
	}
	return events
}

// Store keeps events in memory. It is safe for concurrent use.
type Store struct {
	mu      sync.Mutex
	all     []domain.Envelope
	streams map[uuid.UUID][]domain.Envelope
	loads   int
	watches []watch
}

type watch struct {
	past map[uuid.UUID]int64
	wake chan struct{}
}

// NewStore returns a store of these events, which are in the global order.
func NewStore(events ...domain.Envelope) *Store {
	s := &Store{streams: map[uuid.UUID][]domain.Envelope{}}
	s.Add(events...)
	return s
}

// Add adds events behind those there are.
func (s *Store) Add(events ...domain.Envelope) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range events {
		s.all = append(s.all, e)
		s.streams[e.AggregateID] = append(s.streams[e.AggregateID], e)
		for _, w := range s.watches {
			if past, watched := w.past[e.AggregateID]; watched && e.Version > past {
				select {
				case w.wake <- struct{}{}:
				default:
				}
			}
		}
	}
}

// Watch returns a channel that receives once a stream has got an event beyond the version given with its id.
func (s *Store) Watch(past map[uuid.UUID]int64) (wake <-chan struct{}, stop func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := watch{past: past, wake: make(chan struct{}, 1)}
	s.watches = append(s.watches, w)
	return w.wake, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.watches = slices.DeleteFunc(s.watches, func(o watch) bool { return o.wake == w.wake })
	}
}

// Load returns the events of a stream with a version above after.
func (s *Store) Load(_ context.Context, _ string, id uuid.UUID, after int64) ([]domain.Envelope, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.loads++
	stream := s.streams[id]
	return slices.Clone(stream[min(int(after), len(stream)):]), nil
}

// Check lets every consumer go on: the store keeps all that it was ever given.
func (s *Store) Check(context.Context, eventstore.Cursor) (eventstore.Identity, error) {
	return eventstore.Identity{ID: uuid.NameSpaceOID, Epoch: 1}, nil
}

// Loads is how often Load was called.
func (s *Store) Loads() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.loads
}

// Events returns all events in the global order.
func (s *Store) Events() []domain.Envelope {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.all)
}

// Versions returns up to limit streams of a type with ids above after, sorted by id.
func (s *Store) Versions(_ context.Context, aggregateType string, after uuid.UUID, limit int) ([]eventstore.StreamVersion, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []eventstore.StreamVersion
	for id, events := range s.streams {
		if events[0].AggregateType == aggregateType && bytes.Compare(id[:], after[:]) > 0 {
			all = append(all, eventstore.StreamVersion{Stream: eventstore.StreamID{Type: aggregateType, ID: id}, Version: int64(len(events))})
		}
	}
	slices.SortFunc(all, func(a, b eventstore.StreamVersion) int { return bytes.Compare(a.Stream.ID[:], b.Stream.ID[:]) })
	return all[:min(limit, len(all))], nil
}

// Streams returns all streams.
func (s *Store) Streams() []eventstore.StreamVersion {
	var all []eventstore.StreamVersion
	for _, t := range catalog.AggregateTypes() {
		streams, _ := s.Versions(context.Background(), t, uuid.Nil, math.MaxInt)
		all = append(all, streams...)
	}
	return all
}

// Read returns a page of the global order.
func (s *Store) Read(_ context.Context, o eventstore.ReadOptions) (eventstore.Page, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := sort.Search(len(s.all), func(i int) bool { return s.all[i].Sequence > o.After })
	page := eventstore.Page{Next: o.After}
	for ; i < len(s.all) && len(page.Events) < o.Limit; i++ {
		if e := s.all[i]; len(o.Filter.AggregateTypes) == 0 || slices.Contains(o.Filter.AggregateTypes, e.AggregateType) {
			page.Events = append(page.Events, e)
		}
		page.Next = s.all[i].Sequence
	}
	page.More = i < len(s.all)
	if len(s.all) > 0 {
		page.HighWater = s.all[len(s.all)-1].Sequence
	}
	return page, nil
}

// JSON returns v as indented JSON, for comparing.
func JSON(v any) string {
	b, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		panic(err)
	}
	return string(b)
}
