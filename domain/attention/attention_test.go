package attention_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/attention"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/stretchr/testify/require"
)

// What waits for a person comes from the events, and goes by them.
func TestWhatWaitsForAPerson(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	id, shipment, refund := uuid.New(), uuid.New(), uuid.New()
	pay, price := payment.ID(id), money.Must("60.00", "EUR")
	placed := []domain.Event{
		order.OrderPlaced{OrderID: id, Total: price, PlacedAt: at},
		payment.PaymentAuthorized{PaymentID: pay, OrderID: id, Amount: price, GatewayRef: "pi_1", ExpiresAt: at.Add(time.Hour)},
		order.OrderConfirmed{OrderID: id, Shipments: []order.Shipment{{ShipmentID: shipment, Amount: price, Status: order.ShipmentStatusPlanned}}},
	}
	captured := payment.PaymentCaptured{PaymentID: pay, OrderID: id, CaptureID: shipment, Amount: price}
	dispatched := []domain.Event{order.ShipmentDispatched{OrderID: id, ShipmentID: shipment}, order.OrderShipped{OrderID: id}}
	requested := func(attempt int) domain.Event {
		return payment.RefundRequested{
			PaymentID: pay, OrderID: id, RefundID: refund, Amount: price, RequestedAt: at,
			Parts: []payment.RefundPart{{Attempt: attempt, Source: "pi_1", Amount: price}},
		}
	}
	cancelled := order.OrderCancelled{OrderID: id, Reason: "changed_mind"}
	for name, c := range map[string]struct {
		begins []domain.Event
		want   attention.Item
		ends   []domain.Event
	}{
		"a void that the gateway refuses": {
			[]domain.Event{cancelled, payment.VoidFailed{PaymentID: pay, OrderID: id, Attempt: 2, Amount: price, Cause: "no such payment", FailedAt: at}},
			attention.Item{
				Cause: attention.CauseVoidFailed, Amount: &price, Detail: "no such payment", Attempts: 2, GatewayRef: "pi_1",
				Actions: []attention.Action{attention.ActionRetry, attention.ActionResolve},
			},
			[]domain.Event{payment.PaymentVoided{PaymentID: pay, OrderID: id, Amount: price}},
		},
		"a refund that failed": {
			append([]domain.Event{captured, requested(1), payment.RefundFailed{
				PaymentID: pay, OrderID: id, RefundID: refund, Attempt: 1, Amount: price, GatewayRef: "re_1", Cause: "lost_or_stolen_card", FailedAt: at,
			}}, dispatched...),
			attention.Item{
				Cause: attention.CauseRefundFailed, Amount: &price, Detail: "lost_or_stolen_card", Attempts: 1, RefundID: refund, GatewayRef: "re_1",
				Actions: []attention.Action{attention.ActionRetry, attention.ActionResolve},
			},
			[]domain.Event{requested(2), payment.PaymentRefunded{PaymentID: pay, OrderID: id, RefundID: refund, Attempt: 2, Amount: price}},
		},
		"a capture that the gateway refuses": {
			[]domain.Event{payment.CaptureFailed{
				PaymentID: pay, OrderID: id, CaptureID: shipment, Attempt: 1, Amount: price, Cause: "amount_too_small", FailedAt: at,
			}},
			attention.Item{
				Cause: attention.CauseCaptureFailed, Amount: &price, Detail: "amount_too_small", Attempts: 1, ShipmentID: shipment, GatewayRef: "pi_1",
				Actions: []attention.Action{attention.ActionRetry, attention.ActionDispatch, attention.ActionCancel},
			},
			[]domain.Event{cancelled},
		},
		"an authorisation that was declined when it was made anew": {
			[]domain.Event{
				payment.PaymentAuthorizationExpired{PaymentID: pay, OrderID: id, Amount: price},
				payment.PaymentDeclined{PaymentID: pay, OrderID: id, Amount: price, Code: "card_declined", DeclinedAt: at},
				payment.PaymentRequired{PaymentID: pay, OrderID: id, Amount: price, Reason: "card_declined", RequiredAt: at},
			},
			attention.Item{
				Cause: attention.CausePaymentRequired, Amount: &price, Detail: "card_declined",
				Actions: []attention.Action{attention.ActionNewPayment, attention.ActionCancel},
			},
			[]domain.Event{payment.PaymentAuthorized{PaymentID: pay, OrderID: id, Amount: price, GatewayRef: "pi_2"}},
		},
		"an authorisation that is about to end": {
			[]domain.Event{payment.AuthorizationEnding{PaymentID: pay, OrderID: id, Amount: price, Reason: "payment_method_not_kept", EndingAt: at}},
			attention.Item{
				Cause: attention.CauseAuthorizationEnding, Amount: &price, Detail: "payment_method_not_kept", GatewayRef: "pi_1",
				Actions: []attention.Action{attention.ActionDispatch, attention.ActionCancel},
			},
			append([]domain.Event{captured}, dispatched...),
		},
		"a dispute": {
			append([]domain.Event{captured, payment.DisputeOpened{
				PaymentID: pay, OrderID: id, GatewayRef: "dp_1", Amount: price, Reason: "fraudulent", OpenedAt: at,
			}}, dispatched...),
			attention.Item{
				Cause: attention.CauseDisputeOpen, Amount: &price, Detail: "fraudulent", GatewayRef: "dp_1",
				Actions: []attention.Action{attention.ActionAnswerDispute},
			},
			[]domain.Event{payment.DisputeLost{PaymentID: pay, OrderID: id, GatewayRef: "dp_1", Amount: price}},
		},
		"a dispatch that is overdue": {
			[]domain.Event{order.DispatchOverdue{OrderID: id, DeadlineAt: at}},
			attention.Item{Cause: attention.CauseOverdue, Actions: []attention.Action{attention.ActionDispatch, attention.ActionCancel}},
			dispatched,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Nil(t, attention.Of(fold(placed...)))
			o, p := fold(append(append([]domain.Event{}, placed...), c.begins...)...)
			items := attention.Of(o, p)
			require.Len(t, items, 1)
			require.NotEqual(t, uuid.Nil, items[0].AttentionID)
			c.want.AttentionID, c.want.Since = items[0].AttentionID, at
			require.Equal(t, c.want, items[0])
			require.Equal(t, []attention.Cause{c.want.Cause}, attention.CausesOf(items))
			require.Nil(t, attention.Of(fold(append(append(append([]domain.Event{}, placed...), c.begins...), c.ends...)...)))
		})
	}
}

// It fails when a refused capture waits for a person although its authorisation is gone. The order waits for
// money then, or has it.
func TestARefusedCaptureIsOverWithItsAuthorization(t *testing.T) {
	t.Parallel()
	id, shipment := uuid.New(), uuid.New()
	pay, price := payment.ID(id), money.Must("60.00", "EUR")
	events := []domain.Event{
		order.OrderPlaced{OrderID: id, Total: price},
		payment.PaymentAuthorized{PaymentID: pay, OrderID: id, Amount: price, GatewayRef: "pi_1"},
		order.OrderConfirmed{OrderID: id, Shipments: []order.Shipment{{ShipmentID: shipment, Amount: price, Status: order.ShipmentStatusPlanned}}},
	}
	for _, step := range []struct {
		event  domain.Event
		causes []attention.Cause
	}{
		{payment.CaptureFailed{PaymentID: pay, OrderID: id, CaptureID: shipment, Attempt: 1, Amount: price}, []attention.Cause{attention.CauseCaptureFailed}},
		{payment.AuthorizationEnded{PaymentID: pay, OrderID: id, Amount: price, Reason: payment.EndReasonVoidedElsewhere}, nil},
		{payment.PaymentRequired{PaymentID: pay, OrderID: id, Amount: price}, []attention.Cause{attention.CausePaymentRequired}},
		{payment.PaymentAuthorized{PaymentID: pay, OrderID: id, Amount: price, GatewayRef: "pi_2"}, nil},
		{payment.CaptureFailed{PaymentID: pay, OrderID: id, CaptureID: shipment, Attempt: 2, Amount: price}, []attention.Cause{attention.CauseCaptureFailed}},
	} {
		events = append(events, step.event)
		require.Equal(t, step.causes, attention.CausesOf(attention.Of(fold(events...))), step.event.EventType())
	}
}

// A card that was declined at once is no affair of a person's: the order is cancelled.
func TestAFirstDeclineWaitsForNobody(t *testing.T) {
	t.Parallel()
	id := uuid.New()
	o, p := fold(order.OrderPlaced{OrderID: id}, payment.PaymentDeclined{PaymentID: payment.ID(id), OrderID: id, Amount: money.Must("1.00", "EUR")})
	require.Nil(t, attention.Of(o, p))
}

func fold(events ...domain.Event) (o order.Order, p payment.Payment) {
	for _, e := range events {
		o, p = order.Evolve(o, e), payment.Evolve(p, e)
	}
	return o, p
}
