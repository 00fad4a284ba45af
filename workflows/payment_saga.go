package workflows

import (
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/activities"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/inventory"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/payment"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// PaymentInput starts a [PaymentSaga].
type PaymentInput struct {
	OrderID uuid.UUID   `json:"order_id"`
	Amount  money.Money `json:"amount"`
	Token   string      `json:"token"`
	// Deadline bounds the waiting for the customer's bank; zero is [PaymentDeadline].
	Deadline time.Duration `json:"deadline,omitempty"`
}

// PaymentResult is how a payment was secured, or why not.
type PaymentResult struct {
	// Status is authorized or declined.
	Status      payment.Status `json:"status"`
	DeclineCode string         `json:"decline_code,omitempty"`
}

// codeDeadline is the decline code of a payment that was not secured in time.
const codeDeadline = "payment_deadline"

// PaymentSagaID is the workflow id of an order's payment when it is an execution of its own.
func PaymentSagaID(orderID uuid.UUID) string { return "payment-" + orderID.String() }

// PaymentSaga secures a payment and outwaits the customer's bank, up to its deadline. Cancelled
// or too late, it voids what was authorised.
//
// The gateway's news comes as the signal [PaymentUpdated].
func PaymentSaga(ctx workflow.Context, in PaymentInput) (PaymentResult, error) {
	var undo compensations
	undo.push(func(ctx workflow.Context) error { return voidPayment(ctx, in.OrderID, "payment_not_secured") })
	answer, err := authorize(ctx, in, nil)
	if err == nil && answer.Status == payment.StatusActionRequired {
		answer, err = awaitConfirmation(ctx, in)
	}
	if err != nil || answer.Status != payment.StatusAuthorized {
		if undoErr := undo.run(ctx); undoErr != nil {
			return PaymentResult{}, undoErr
		}
	}
	return PaymentResult{Status: answer.Status, DeclineCode: answer.DeclineCode}, err
}

// payInline is the same saga within the order's execution, as long as nobody has to be waited for;
// it goes on as an execution of its own when the bank wants a confirmation. Its compensation is the
// caller's, pushed before. With the goods of an order that lacks nothing else, it is confirmed as well. Waiting is called before the bank is waited for.
func payInline(
	ctx workflow.Context, in PaymentInput, goods []inventory.Allocation, waiting func() error,
) (PaymentResult, activities.Confirmed, error) {
	answer, err := authorize(ctx, in, goods)
	if err != nil || answer.Status != payment.StatusActionRequired {
		return PaymentResult{Status: answer.Status, DeclineCode: answer.DeclineCode}, answer.Confirmed, err
	}
	if err := waiting(); err != nil {
		return PaymentResult{}, activities.Confirmed{}, err
	}
	ctx = workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
		WorkflowID:          PaymentSagaID(in.OrderID),
		WaitForCancellation: true,
		StaticSummary:       "Waits for the customer to confirm the payment at the bank",
	})
	var result PaymentResult
	err = workflow.ExecuteChildWorkflow(ctx, PaymentSaga, in).Get(ctx, &result)
	return result, activities.Confirmed{}, err
}

// authorize asks the gateway, and outwaits its outage no longer than the deadline: what may have been
// authorised then is for the compensation.
func authorize(ctx workflow.Context, in PaymentInput, goods []inventory.Allocation) (activities.Authorized, error) {
	var a *activities.Activities
	summary := "Authorise " + in.Amount.String()
	if len(goods) > 0 {
		summary += " and confirm the order"
	}
	answer, err := stepWithin(ctx, orDefault(in.Deadline, PaymentDeadline), summary, a.AuthorizePayment, activities.AuthorizePayment{
		OrderID: in.OrderID, Amount: in.Amount, Token: in.Token, Confirm: goods, At: workflow.Now(ctx),
	})
	if err != nil && !isFinal(err) { // the last attempt's failure, or a timeout
		return activities.Authorized{Status: payment.StatusDeclined, DeclineCode: codeDeadline}, nil
	}
	return answer, err
}

func awaitConfirmation(ctx workflow.Context, in PaymentInput) (activities.Authorized, error) {
	workflow.SetCurrentDetails(ctx, "Waiting for the customer to confirm the payment at the bank.")
	var a *activities.Activities
	timerCtx, stopTimer := workflow.WithCancel(ctx)
	defer stopTimer()
	deadline := workflow.NewTimerWithOptions(timerCtx, orDefault(in.Deadline, PaymentDeadline), workflow.TimerOptions{Summary: "payment deadline"})
	updates := workflow.GetSignalChannel(ctx, PaymentUpdated)
	for {
		var update PaymentUpdate
		var received, late bool
		workflow.NewNamedSelector(ctx, "bank confirmation").
			AddReceive(updates, func(c workflow.ReceiveChannel, _ bool) { received = c.ReceiveAsync(&update) }).
			AddFuture(deadline, func(f workflow.Future) { late = f.Get(ctx, nil) == nil }).
			AddReceive(ctx.Done(), func(workflow.ReceiveChannel, bool) {}).
			Select(ctx)
		switch {
		case ctx.Err() != nil:
			return activities.Authorized{}, temporal.NewCanceledError()
		case received && (update.Status == string(payment.StatusAuthorized) || update.Status == string(payment.StatusDeclined)):
			status := payment.Status(update.Status)
			err := do(ctx, "Record the gateway's answer", a.RecordPayment, activities.RecordPayment{
				OrderID: in.OrderID, Amount: in.Amount, Status: status, GatewayRef: update.GatewayRef,
				DeclineCode: update.DeclineCode, ExpiresAt: update.expiry(workflow.Now(ctx)), At: workflow.Now(ctx),
			})
			return activities.Authorized{Status: status, DeclineCode: update.DeclineCode}, err
		case received:
			workflow.GetLogger(ctx).Warn("Ignored a payment update with an unknown status.", "status", update.Status)
		case late:
			return activities.Authorized{Status: payment.StatusDeclined, DeclineCode: codeDeadline}, nil
		}
	}
}

// authorizationLife is how long a card authorisation holds when the gateway doesn't say: the seven
// days that the card schemes commonly allow.
const authorizationLife = 7 * 24 * time.Hour

func (u PaymentUpdate) expiry(now time.Time) time.Time {
	if u.ExpiresAt.IsZero() {
		return now.Add(authorizationLife)
	}
	return u.ExpiresAt
}

func orDefault(d, otherwise time.Duration) time.Duration {
	if d <= 0 {
		return otherwise
	}
	return d
}

func voidPayment(ctx workflow.Context, orderID uuid.UUID, reason string) error {
	var a *activities.Activities
	return do(ctx, "Void the payment", a.VoidPayment, activities.VoidPayment{OrderID: orderID, Reason: reason, At: workflow.Now(ctx)})
}

// LatePayment starts a [LatePaymentSaga].
type LatePayment struct {
	OrderID uuid.UUID     `json:"order_id"`
	Update  PaymentUpdate `json:"update"`
}

// LatePaymentSaga takes up the gateway's news about a payment that nobody waits for: money that was
// authorised after the order had given up is let go again. News that came too early, before the payment's
// own saga was there to hear them, are passed on to it.
//
// Refusal: payment_open, when that saga does not come within [lateAttemptsMax] tries.
func LatePaymentSaga(ctx workflow.Context, in LatePayment) error {
	var a *activities.Activities
	for range lateAttemptsMax {
		settled, err := step(ctx, "Settle a late payment", a.SettleLatePayment, activities.SettleLatePayment{
			OrderID: in.OrderID, Authorized: in.Update.Status == string(payment.StatusAuthorized), GatewayRef: in.Update.GatewayRef, At: workflow.Now(ctx),
		})
		if err != nil || settled.Settled {
			return err
		}
		err = workflow.SignalExternalWorkflow(ctx, PaymentSagaID(in.OrderID), "", PaymentUpdated, in.Update).Get(ctx, nil)
		if err == nil {
			return nil
		}
		if err := workflow.Sleep(ctx, lateRetry); err != nil {
			return err
		}
	}
	return activities.Refusal(domain.Refuse(CodePaymentOpen, "the payment is open and nobody waits for it"))
}

// CodePaymentOpen refuses news of an open payment that nobody waits for.
const CodePaymentOpen domain.ErrorCode = "payment_open"

// An order's payment saga starts moments after the gateway was asked; these outlast a worker's outage.
const (
	lateRetry       = 30 * time.Second
	lateAttemptsMax = 120
)

// RefundSaga gives money back without goods. It may be started again with the same id. Refusals:
// refund_exceeds_capture; gateway_refused.
func RefundSaga(ctx workflow.Context, in RefundInput) error {
	return refund(ctx, in.OrderID, in.RefundID, in.Amount, in.Reason)
}

func refund(ctx workflow.Context, orderID, refundID uuid.UUID, amount money.Money, reason string) error {
	var a *activities.Activities
	return do(ctx, "Refund "+amount.String(), a.RefundPayment, activities.RefundPayment{
		OrderID: orderID, RefundID: refundID, Amount: amount, Reason: reason, At: workflow.Now(ctx),
	})
}
