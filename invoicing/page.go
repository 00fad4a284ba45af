package invoicing

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/catalog"
	"github.com/orderloom/orderloom/domain/invoice"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/eventstore"
)

// page is the documents of some events in a row, in the order of these.
type page struct {
	documents []invoice.Document
	// to is the last event that was looked at.
	to int64
}

// idle are events of payments that move no money, and of which every order has some. All others are looked at: whether
// one makes a document is told by [invoice.Book] alone.
var idle = map[string]bool{
	payment.PaymentAuthorized{}.EventType(): true, payment.PaymentDeclined{}.EventType(): true, payment.PaymentVoided{}.EventType(): true,
	payment.PaymentActionRequired{}.EventType(): true, payment.AuthorizationRequested{}.EventType(): true,
	payment.RefundOwed{}.EventType(): true, payment.RefundRequested{}.EventType(): true,
}

// read returns the documents of the next events after one, no further than another.
func (i *Issuer) read(ctx context.Context, after, through int64) (p page, err error) {
	read, err := i.o.Events.Read(ctx, eventstore.ReadOptions{
		After: after, Limit: pageEvents, Filter: eventstore.Filter{AggregateTypes: []string{domain.AggregatePayment}},
	})
	if err != nil {
		return p, err
	}
	p.to = min(read.Next, through)
	var orders []uuid.UUID
	seen := map[uuid.UUID]bool{}
	for _, env := range read.Events {
		if env.Sequence > p.to || idle[env.EventType] {
			continue
		}
		var of struct {
			OrderID uuid.UUID `json:"order_id"`
		}
		if err := json.Unmarshal(env.Payload, &of); err != nil {
			return p, fmt.Errorf("read event %s: %w", env.EventID, err)
		}
		if of.OrderID != uuid.Nil && !seen[of.OrderID] {
			seen[of.OrderID] = true
			orders = append(orders, of.OrderID)
		}
	}
	books, err := documents(ctx, i.o.Events, orders, p.to)
	if err != nil {
		return p, err
	}
	for _, id := range orders {
		if err := books[id].err; err != nil {
			return p, fmt.Errorf("write the invoices of order %s: %w", id, err)
		}
		for _, d := range books[id].documents {
			if d.Sequence > after {
				p.documents = append(p.documents, d)
			}
		}
	}
	slices.SortFunc(p.documents, func(a, b invoice.Document) int { return cmp.Compare(a.Sequence, b.Sequence) })
	return p, nil
}

// book is the documents of an order, or why they can't be told.
type book struct {
	documents []invoice.Document
	err       error
}

// documents returns all documents of orders that events up to one make, without numbers. An order of which no money was
// asked for has none.
func documents(ctx context.Context, events Events, orders []uuid.UUID, through int64) (map[uuid.UUID]book, error) {
	var streams []eventstore.StreamID
	for _, id := range orders {
		streams = append(streams, orderStream(id), paymentStream(id))
	}
	loaded, err := events.LoadMany(ctx, streams)
	if err != nil {
		return nil, err
	}
	books := make(map[uuid.UUID]book, len(orders))
	for _, id := range orders {
		paid := loaded[paymentStream(id)]
		if len(paid) == 0 {
			continue
		}
		all := slices.Concat(loaded[orderStream(id)], paid)
		slices.SortFunc(all, func(a, b domain.Envelope) int {
			if placed := isPlacement(a); placed != isPlacement(b) {
				return map[bool]int{true: -1, false: 1}[placed]
			}
			return cmp.Compare(a.Sequence, b.Sequence)
		})
		var b book
		b.documents, b.err = written(all, through)
		books[id] = b
	}
	return books, nil
}

// written returns the documents that the events of an order make. A fault of the program holds up the numbers, and
// nothing else of the process.
func written(events []domain.Envelope, through int64) (all []invoice.Document, err error) {
	defer func() {
		if fault := recover(); fault != nil {
			err = fmt.Errorf("the program has failed: %v", fault)
		}
	}()
	var book invoice.Book
	for _, env := range events {
		if env.Sequence > through && !isPlacement(env) {
			break
		}
		e, err := catalog.Decode(env)
		if err != nil {
			return nil, err
		}
		if d, made := book.Apply(env, e); made {
			all = append(all, d)
		}
	}
	return all, nil
}

// isPlacement reports whether an event is the first one of an order. It comes before all of the payment. An append that
// has both, as of an exchange, may give the payment's event the lower number.
func isPlacement(env domain.Envelope) bool {
	return env.AggregateType == domain.AggregateOrder && env.Version == 1
}

func orderStream(id uuid.UUID) eventstore.StreamID {
	return eventstore.StreamID{Type: domain.AggregateOrder, ID: id}
}

func paymentStream(orderID uuid.UUID) eventstore.StreamID {
	return eventstore.StreamID{Type: domain.AggregatePayment, ID: payment.ID(orderID)}
}
