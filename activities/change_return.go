package activities

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/account"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/eventstore"
)

// RequestReturn is the input of [Activities.RequestReturn]. Its fields are those of [order.AskToReturn].
type RequestReturn struct {
	OrderID      uuid.UUID          `json:"order_id"`
	ReturnID     uuid.UUID          `json:"return_id"`
	Lines        []order.ReturnLine `json:"lines"`
	Reason       string             `json:"reason,omitempty"`
	By           string             `json:"by"`
	DecideWithin time.Duration      `json:"decide_within,omitempty"`
	At           time.Time          `json:"at"`
}

// DecideReturn is the input of [Activities.DecideReturn]. Its fields are those of [order.DecideReturn].
type DecideReturn struct {
	OrderID        uuid.UUID          `json:"order_id"`
	ReturnID       uuid.UUID          `json:"return_id"`
	Action         order.ReturnAction `json:"action"`
	By             string             `json:"by"`
	Reason         string             `json:"reason,omitempty"`
	Carrier        string             `json:"carrier,omitempty"`
	TrackingNumber string             `json:"tracking_number,omitempty"`
	ExpiresAfter   time.Duration      `json:"expires_after,omitempty"`
	At             time.Time          `json:"at"`
}

// EndReturns is the input of [Activities.EndReturns].
type EndReturns struct {
	OrderID uuid.UUID `json:"order_id"`
	At      time.Time `json:"at"`
}

// ReturnChanged is where a return stands after a step.
type ReturnChanged struct {
	Return account.Returned `json:"return"`
	// Exchange is as in [GoodsReturned].
	Exchange *ExchangeStep `json:"exchange,omitempty"`
	// Replayed is as in [Changed].
	Replayed bool `json:"replayed,omitempty"`
}

// RequestReturn records that goods are to come back. Refusals: those of [order.RequestReturn].
func (a *Activities) RequestReturn(ctx context.Context, in RequestReturn) (ReturnChanged, error) {
	st := asked(ctx, "request-return/"+in.ReturnID.String(), in.OrderID, in.At)
	return a.changeReturn(ctx, in.OrderID, in.ReturnID, st, func(o order.Order) ([]domain.Event, error) {
		return order.RequestReturn(o, order.AskToReturn{
			ReturnID: in.ReturnID, Lines: in.Lines, Reason: in.Reason, By: in.By, DecideWithin: in.DecideWithin, At: o.Now(in.At),
		})
	})
}

// DecideReturn records a decision on a return. Refusals: those of [order.Decide].
func (a *Activities) DecideReturn(ctx context.Context, in DecideReturn) (ReturnChanged, error) {
	st := asked(ctx, fmt.Sprintf("%s-return/%s", in.Action, in.ReturnID), in.OrderID, in.At)
	return a.changeReturn(ctx, in.OrderID, in.ReturnID, st, func(o order.Order) ([]domain.Event, error) {
		return order.Decide(o, order.DecideReturn{
			ReturnID: in.ReturnID, Action: in.Action, By: in.By, Reason: in.Reason, Carrier: in.Carrier, TrackingNumber: in.TrackingNumber,
			ExpiresAfter: in.ExpiresAfter, At: o.Now(in.At),
		})
	})
}

func (a *Activities) changeReturn(
	ctx context.Context, orderID, returnID uuid.UUID, st eventstore.Stamp, decide func(order.Order) ([]domain.Event, error),
) (ReturnChanged, error) {
	var out ReturnChanged
	known, err := a.foldOrder(ctx, orderID)
	if err != nil {
		return out, err
	}
	err = a.events.Decide(ctx, st, append(withPayment(orderID), exchangeStreams(known, returnID)...), func(tx *eventstore.Tx) error {
		o := eventstore.State(tx, orderAggregate, orderID)
		events, err := decide(o)
		if err != nil {
			return err
		}
		eventstore.Record(tx, orderAggregate, orderID, events...)
		record, _ := orderAfter(o, events).FindReturn(returnID)
		out.Return, out.Replayed = account.ReturnedOf(record, eventstore.State(tx, paymentAggregate, payment.ID(orderID))), len(events) == 0
		out.Exchange, err = a.settleExchange(tx, orderAfter(o, events), returnID, st.At)
		return err
	})
	if err != nil {
		return out, Refusal(fmt.Errorf("%s: %w", st.Source, err))
	}
	return out, nil
}

// ReturnsEnded is what the end of returns means for the orders that their goods were to pay for.
type ReturnsEnded struct {
	Exchanges []ExchangeStep `json:"exchanges,omitempty"`
	// Replayed is as in [Changed].
	Replayed bool `json:"replayed,omitempty"`
}

// EndReturns records what is due of an order's returns: those that nobody has decided on, and those whose goods did not
// come. It does nothing when nothing is due. Refusal: not_found.
func (a *Activities) EndReturns(ctx context.Context, in EndReturns) (ReturnsEnded, error) {
	var out ReturnsEnded
	known, err := a.foldOrder(ctx, in.OrderID)
	switch {
	case err != nil:
		return out, err
	case known.Status == "":
		return out, Refusal(domain.Refuse(domain.CodeNotFound, "order %s does not exist", in.OrderID))
	}
	st := stamp(ctx, "end-returns", in.OrderID, in.At)
	streams := withPayment(in.OrderID)
	for _, r := range known.Returns {
		streams = append(streams, exchangeStreams(known, r.ReturnID)...)
	}
	err = a.events.Decide(ctx, st, streams, func(tx *eventstore.Tx) error {
		o := eventstore.State(tx, orderAggregate, in.OrderID)
		events := order.EndReturns(o, o.Now(in.At))
		eventstore.Record(tx, orderAggregate, in.OrderID, events...)
		out = ReturnsEnded{Replayed: len(events) == 0}
		for _, e := range events {
			expired, is := e.(order.ReturnExpired)
			if !is {
				continue
			}
			step, err := a.settleExchange(tx, orderAfter(o, events), expired.ReturnID, in.At)
			if err != nil {
				return err
			}
			if step != nil {
				out.Exchanges = append(out.Exchanges, *step)
			}
		}
		return nil
	})
	if err != nil {
		return out, Refusal(fmt.Errorf("%s: %w", st.Source, err))
	}
	return out, nil
}
