package api

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/payments"
	"github.com/orderloom/orderloom/workflows"
	"github.com/stretchr/testify/require"
)

// fakeSandbox keeps what it was asked for.
type fakeSandbox struct {
	platform  *fakePlatform
	due       order.Due
	state     workflows.OrderState
	err       error
	ended     []workflows.AdvanceInput
	confirmed []workflows.BankConfirmation
}

// AdvanceClock records what the saga would.
func (f *fakeSandbox) AdvanceClock(_ context.Context, id uuid.UUID, r workflows.AdvanceRequest) (workflows.OrderState, error) {
	if f.err != nil {
		return f.state, f.err
	}
	return f.state, f.advance(id, r.RequestID)
}

func (f *fakeSandbox) AdvanceEnded(_ context.Context, in workflows.AdvanceInput) error {
	f.ended = append(f.ended, in)
	return f.advance(in.OrderID, in.RequestID)
}

func (f *fakeSandbox) advance(id, request uuid.UUID) error {
	o := f.platform.folds[id]
	events, err := order.Advance(o, order.AdvanceClock{RequestID: request, Saga: f.due, At: acceptedAt})
	for _, e := range events {
		o = order.Evolve(o, e)
	}
	if err == nil {
		f.platform.folds[id] = o
	}
	return err
}

func (f *fakeSandbox) ConfirmAtBank(_ context.Context, in workflows.BankConfirmation) error {
	f.confirmed = append(f.confirmed, in)
	if f.platform.pay.Status = payment.StatusDeclined; in.Approve {
		f.platform.pay.Status = payment.StatusAuthorized
	}
	return f.err
}

func trying(t *testing.T) (*testBundle, *fakeSandbox) {
	t.Helper()
	s := &fakeSandbox{due: order.Due{Timer: order.TimerDispatch, At: acceptedAt.Add(72 * time.Hour)}}
	b := setup(t, func(o *Options) { o.Sandbox = s })
	s.platform = b.fakePlatform
	return b, s
}

const advancePath = "/api/v1/test/orders/3f0f2c5e-5d0a-5b8e-9d53-6f2f9a0f7c11/advance"

// Each answer of a platform for trying says what it is, and a live one has none of its routes.
func TestAPlatformForTryingSaysSo(t *testing.T) {
	t.Parallel()
	live := setup(t, func(o *Options) { o.Sandbox = nil })
	live.givenOrder(t, order.StatusConfirmed, order.ShipmentStatusPlanned)
	b, _ := trying(t)
	for _, path := range []string{"/health", "/docs", "/api/v1/orders", "/nothing", orderPath("")} {
		require.Equal(t, []string{"test"}, b.get(t, path).header["Orderloom-Mode"], path)
		require.Empty(t, live.get(t, path).header["Orderloom-Mode"], path)
	}
	for _, path := range []string{advancePath, bankPath + "/confirm", bankPath + "/decline"} {
		require.Equal(t, http.StatusNotFound, live.post(t, path, "").status, path)
	}
	require.Equal(t, http.StatusNotFound, live.get(t, bankPath).status)
}

func TestATimerOfAnOrderGoesOffWhenItIsAskedTo(t *testing.T) {
	t.Parallel()
	b, s := trying(t)
	b.givenOrder(t, order.StatusConfirmed, order.ShipmentStatusPlanned)
	a := b.post(t, advancePath, "{}", "Idempotency-Key", "k")
	require.Equal(t, http.StatusOK, a.status, a.body)
	require.Contains(t, a.body, `"timer":"dispatch_deadline"`)
	again := b.post(t, advancePath, "", "Idempotency-Key", "k")
	require.Equal(t, http.StatusOK, again.status, again.body)
	require.Len(t, b.folds[someOrder].Clock.Advanced, 1, "the same request advances it once")
	b.post(t, advancePath, "{}")
	require.Len(t, b.folds[someOrder].Clock.Advanced, 2, "each other one, again")

	s.state.UnderWay = true
	a = b.post(t, advancePath, "{}")
	require.Equal(t, http.StatusAccepted, a.status, a.body)
	require.NotEmpty(t, a.header.Get("Retry-After"))
	s.state.UnderWay, s.err = false, domain.Refuse(order.CodeNoTimer, "none")
	require.NotNil(t, b.post(t, advancePath, "{}").problem(t, http.StatusConflict, order.CodeNoTimer).Order)
}

// An order that has ended has no saga, and its returns may wait.
func TestTheClockOfAnEndedOrderIsAdvancedToo(t *testing.T) {
	t.Parallel()
	b, s := trying(t)
	s.err = domain.Refuse(codeNotFound, "no saga")
	b.givenOrder(t, order.StatusConfirmed, order.ShipmentStatusPlanned)
	b.post(t, advancePath, "{}").problem(t, http.StatusServiceUnavailable, codeUnavailable)
	require.Empty(t, s.ended)
	b.givenOrder(t, order.StatusDelivered, order.ShipmentStatusDelivered)
	a := b.post(t, advancePath, "{}")
	require.Equal(t, http.StatusOK, a.status, a.body)
	require.Len(t, s.ended, 1)
	require.Equal(t, http.StatusNotFound, b.post(t, "/api/v1/test/orders/"+uuid.NewString()+"/advance", "{}").status)
}

const bankPath = "/sandbox/bank/3f0f2c5e-5d0a-5b8e-9d53-6f2f9a0f7c11"

func TestAPersonConfirmsAtTheBankOrDeclines(t *testing.T) {
	t.Parallel()
	for choice, says := range map[string]string{"confirm": "Payment confirmed", "decline": "Payment not confirmed"} {
		b, s := trying(t)
		require.Equal(t, http.StatusNotFound, b.get(t, bankPath).status, "there is no such order")
		v := b.givenOrder(t, order.StatusCreated, "")
		require.Equal(t, http.StatusNotFound, b.get(t, bankPath).status, "it has no payment yet")
		b.pay = payment.Payment{ID: payment.ID(someOrder), Status: payment.StatusActionRequired}
		a := b.get(t, bankPath)
		require.Equal(t, http.StatusOK, a.status, a.body)
		require.Contains(t, a.header.Get("Content-Security-Policy"), "form-action 'self'")
		for _, text := range []string{v.OrderNumber, "39.80 EUR", `action="` + bankPath + `/confirm"`, `action="` + bankPath + `/decline"`} {
			require.Contains(t, a.body, text)
		}
		a = b.post(t, bankPath+"/"+choice, "")
		require.Contains(t, a.body, says)
		require.NotContains(t, a.body, "<form")
		require.Equal(t, []workflows.BankConfirmation{{OrderID: someOrder, Approve: choice == "confirm"}}, s.confirmed)
		require.Contains(t, b.post(t, bankPath+"/confirm", "").body, says, "it is settled")
		require.Len(t, s.confirmed, 1)
	}
}

// Two people with the page open choose once.
func TestAChoiceThatCameTooLateShowsWhatStands(t *testing.T) {
	t.Parallel()
	b, s := trying(t)
	b.givenOrder(t, order.StatusCreated, "")
	b.pay = payment.Payment{ID: payment.ID(someOrder), Status: payment.StatusActionRequired}
	s.err = domain.Refuse(payments.CodeGatewayRefused, "it does not wait")
	a := b.post(t, bankPath+"/decline", "")
	require.Equal(t, http.StatusOK, a.status, a.body)
	require.Contains(t, a.body, "Payment not confirmed")
	require.Equal(t, http.StatusUnprocessableEntity, b.get(t, "/sandbox/bank/x").status)
}
