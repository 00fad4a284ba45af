package readmodel_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/catalog"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/readmodel"
	"github.com/stretchr/testify/require"
)

// envelopes are the events of one stream.
func envelopes(t *testing.T, id uuid.UUID, events ...domain.Event) []domain.Envelope {
	t.Helper()
	out := make([]domain.Envelope, len(events))
	for i, e := range events {
		payload, err := catalog.Encode(e)
		require.NoError(t, err)
		out[i] = domain.Envelope{
			EventID: uuid.New(), AggregateID: id, EventType: e.EventType(), EventVersion: e.EventVersion(), Payload: payload, Version: int64(i + 1),
		}
	}
	return out
}

// Whoever looks at an order that is over finds nothing that somebody would have to do for it. The payment's stream may
// lag behind the order's, for as long as the gateway can't be reached.
func TestAnOrderThatIsOverAsksForNothing(t *testing.T) {
	t.Parallel()
	id := uuid.New()
	price := money.Must("10.00", "EUR")
	placed := order.OrderPlaced{
		OrderID: id, OrderNumber: order.Number(id), CustomerID: "c", Total: price, ShipToCountry: "DE", PlacedAt: time.Now().UTC(),
		Items: []order.Item{{ProductID: "p", SKU: "A", Quantity: 1, UnitPrice: price}},
	}
	shipments := []order.Shipment{{
		ShipmentID: uuid.New(), Location: "berlin", Amount: price, Status: order.ShipmentStatusPlanned,
		Lines: []order.ShipmentLine{{SKU: "A", Quantity: 1, UnitPrice: price}},
	}}
	cancelled := order.OrderCancelled{OrderID: id, Reason: "changed_mind", CancelledBy: order.ByCustomer}
	asks := envelopes(t, payment.ID(id), payment.PaymentActionRequired{PaymentID: payment.ID(id), OrderID: id, Amount: price, ActionURL: "https://bank.example"})
	for name, c := range map[string]struct{ before, after []domain.Event }{
		"waiting for the bank": {[]domain.Event{placed}, []domain.Event{cancelled}},
		"held":                 {[]domain.Event{placed, order.OrderHeld{OrderID: id, Rule: "amount"}}, []domain.Event{cancelled}},
		"overdue": {
			[]domain.Event{placed, order.OrderConfirmed{OrderID: id, Shipments: shipments}, order.DispatchOverdue{OrderID: id}}, []domain.Event{cancelled},
		},
		"rejected": {
			[]domain.Event{placed, order.OrderHeld{OrderID: id, Rule: "amount"}},
			[]domain.Event{order.OrderCancelled{OrderID: id, Reason: order.ReasonReviewRejected, CancelledBy: order.ByOperator, RejectedBy: "ann"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			before, err := readmodel.FoldOrder(envelopes(t, id, c.before...), asks)
			require.NoError(t, err)
			require.Equal(t, "https://bank.example", before.PaymentActionURL)
			events := envelopes(t, id, append(c.before, c.after...)...)
			for _, fold := range []func(o, p []domain.Envelope) (readmodel.OrderView, error){readmodel.FoldOrder, readmodel.FoldPaymentFirst} {
				v, err := fold(events, asks)
				require.NoError(t, err)
				require.Empty(t, v.PaymentActionURL)
				require.Empty(t, v.Held)
				require.False(t, v.Overdue)
				require.Equal(t, "unfulfilled", v.FulfillmentStatus)
				for _, s := range v.Shipments {
					require.Equal(t, order.ShipmentStatusCancelled, s.Status)
				}
				require.NotEmpty(t, v.CancelledBy)
			}
		})
	}
}
