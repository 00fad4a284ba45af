package workflows

import (
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/activities"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/inventory"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// PaymentInput starts a [PaymentSaga].
type PaymentInput struct {
	OrderID uuid.UUID   `json:"order_id"`
	Amount  money.Money `json:"amount"`
	// Token, Sealed and Again are as in [activities.AuthorizePayment].
	Token  string        `json:"token,omitempty"`
	Sealed domain.Sealed `json:"sealed_token,omitzero"`
	Again  bool          `json:"again,omitempty"`
	// Keep is as in [payments.AuthorizeRequest].
	Keep bool `json:"keep_payment_method,omitempty"`
	// Deadline is [Deadlines.Payment].
	Deadline time.Duration `json:"deadline,omitempty"`
	// DueAt is when the deadline ends by the order's clock, and Ahead as in [order.Clock].
	DueAt time.Time     `json:"due_at,omitzero"`
	Ahead time.Duration `json:"ahead,omitempty"`
	// Within is how long the order waits for money that is missing.
	Within time.Duration `json:"within,omitempty"`
	// Confirmed is set for an order that is confirmed. Its own saga lets the payment go.
	Confirmed bool `json:"confirmed,omitempty"`
}

// PaymentResult is how a payment was secured, or why not.
type PaymentResult struct {
	// Status is authorized, declined, or payment_required: the order waits for money.
	Status      payment.Status `json:"status"`
	DeclineCode string         `json:"decline_code,omitempty"`
	// Required and LookAt are as in [activities.Authorized].
	Required *payment.Requirement `json:"required,omitempty"`
	LookAt   time.Time            `json:"look_at,omitzero"`
}

// declinedByDeadline is the decline code of a payment that was not secured in time.
const declinedByDeadline = "payment_deadline"

// PaymentSagaID is the workflow id of an order's payment when it is an execution of its own.
func PaymentSagaID(orderID uuid.UUID) string { return "payment-" + orderID.String() }

// PaymentSaga secures a payment and waits for the customer's bank, up to its deadline. Cancelled or too late, it voids
// what was asked for and is not authorised. What is authorised is its order's, whose saga goes on with it.
//
// The signal [PaymentUpdated] lets it ask the gateway what the bank has decided. So does the deadline, since a report
// may have been lost. It outlives the run of the order's saga that has started it, see [OrderWaits].
func PaymentSaga(ctx workflow.Context, in PaymentInput) (PaymentResult, error) {
	ctx = withClock(forOrder(ctx, in.OrderID), &orderClock{ahead: in.Ahead})
	result, err := waitForPayment(ctx, in)
	tellWaitingOrder(ctx, in.OrderID, err)
	return result, err
}

func waitForPayment(ctx workflow.Context, in PaymentInput) (PaymentResult, error) {
	var undo compensations
	undo.push(func(ctx workflow.Context) error {
		out, err := voidPayment(ctx, activities.VoidPayment{
			OrderID: in.OrderID, Reason: "payment_not_secured", Currency: in.Amount.Currency, Unsecured: true,
		})
		if out.Refused != "" {
			tellOrder(ctx, in.OrderID)
		}
		return err
	})
	in.Again = true // the order's saga has asked, or an earlier one
	answer, err := authorizePayment(ctx, in, nil)
	if err == nil && answer.Status == payment.StatusActionRequired {
		answer, err = awaitBankConfirmation(ctx, in)
	}
	if !in.Confirmed && (err != nil || answer.Status == payment.StatusDeclined) {
		if undoErr := undo.compensate(ctx); undoErr != nil {
			return PaymentResult{}, undoErr
		}
	}
	return resultOf(answer), err
}

// resultOf is the result of a payment that waits for no bank.
func resultOf(a activities.Authorized) PaymentResult {
	return PaymentResult{Status: a.Status, DeclineCode: a.DeclineCode, Required: a.Required, LookAt: a.LookAt}
}

// securePaymentInline is [PaymentSaga] within the order's execution, as long as nobody has to be waited for. When the
// bank wants a confirmation, the saga goes on as an execution of its own.
//
// Its compensation is the caller's, pushed before. With the goods of an order that lacks nothing else, the order is
// confirmed as well. BeforeWaiting is called before the bank is waited for.
func securePaymentInline(
	ctx workflow.Context, in PaymentInput, goods []inventory.Allocation, beforeWaiting func(activities.Authorized) error,
) (PaymentResult, activities.Confirmed, error) {
	deadline, begun := orUnset(in.Deadline), now(ctx)
	withLeft := func(left time.Duration) PaymentInput {
		in.Deadline, in.DueAt, in.Ahead = left, now(ctx).Add(left), clockOf(ctx).ahead
		return in
	}
	for survivor := (*ChildEnd)(nil); ; in.Again = true {
		answer, err := authorizePayment(ctx, in, goods)
		if err != nil || answer.Status != payment.StatusActionRequired {
			return resultOf(answer), answer.Confirmed, closedBySurvivor(survivor, err, payment.CodePaymentClosed)
		}
		if err := beforeWaiting(answer); err != nil {
			return PaymentResult{}, activities.Confirmed{}, err
		}
		var result PaymentResult
		left := max(deadline-now(ctx).Sub(begun), time.Millisecond)
		survivor, err = runChild(ctx, child{
			id: PaymentSagaID(in.OrderID), summary: "Waits for the customer to confirm the payment at the bank", saga: PaymentSaga,
			timer: order.TimerPayment,
		}, left, withLeft, &result)
		if err != nil || survivor == nil {
			return result, activities.Confirmed{}, err
		}
		in.Deadline = max(deadline-now(ctx).Sub(begun), time.Millisecond)
	}
}

// authorizePayment asks the gateway, and outwaits its outage no longer than the deadline. What may have been authorised
// by then is for the compensation.
func authorizePayment(ctx workflow.Context, in PaymentInput, goods []inventory.Allocation) (activities.Authorized, error) {
	var a *activities.Activities
	summary := "Authorise " + in.Amount.String()
	if len(goods) > 0 {
		summary += " and confirm the order"
	}
	request := activities.AuthorizePayment{
		OrderID: in.OrderID, Amount: in.Amount, Token: in.Token, Sealed: in.Sealed, Again: in.Again, Keep: in.Keep, Confirm: goods,
		Within: in.Within, At: now(ctx),
	}
	if !in.Again {
		request.Since = workflow.GetInfo(ctx).WorkflowStartTime
	}
	answer, err := runStepWithin(ctx, orUnset(in.Deadline), summary, a.AuthorizePayment, request)
	if err != nil && !isFinal(err) { // the last attempt's failure, or a timeout
		return activities.Authorized{Status: payment.StatusDeclined, DeclineCode: declinedByDeadline}, nil
	}
	return answer, err
}

// awaitBankConfirmation asks the gateway what the customer's bank has decided, and records it: whenever a report comes,
// and at the deadline. What a report says is not believed.
func awaitBankConfirmation(ctx workflow.Context, in PaymentInput) (activities.Authorized, error) {
	workflow.SetCurrentDetails(ctx, "Waiting for the customer to confirm the payment at the bank.")
	var a *activities.Activities
	timerCtx, stopTimer := workflow.WithCancel(ctx)
	defer stopTimer()
	deadline := workflow.NewTimerWithOptions(timerCtx, orUnset(in.Deadline), workflow.TimerOptions{Summary: "payment deadline"})
	updates, clock := workflow.GetSignalChannel(ctx, PaymentUpdated), workflow.GetSignalChannel(ctx, ClockAdvanced)
	for {
		var late, advanced bool
		workflow.NewNamedSelector(ctx, "bank confirmation").
			AddReceive(updates, func(c workflow.ReceiveChannel, _ bool) { c.ReceiveAsync(nil) }).
			AddReceive(clock, func(workflow.ReceiveChannel, bool) { advanced = true }).
			AddFuture(deadline, func(f workflow.Future) { late = f.Get(ctx, nil) == nil }).
			AddReceive(ctx.Done(), func(workflow.ReceiveChannel, bool) {}).
			Select(ctx)
		if ctx.Err() != nil {
			return activities.Authorized{}, temporal.NewCanceledError()
		}
		if advanced {
			if err := takeClock(ctx, in.OrderID); err != nil {
				return activities.Authorized{}, err
			}
			late = !now(ctx).Before(in.DueAt)
		}
		answer, err := runStep(ctx, "Ask what the bank has decided", a.RecordPayment, activities.RecordPayment{
			OrderID: in.OrderID, Amount: in.Amount, Within: in.Within, At: now(ctx),
		})
		switch {
		case err != nil || answer.Status != payment.StatusActionRequired:
			return answer, err
		case late:
			return activities.Authorized{Status: payment.StatusDeclined, DeclineCode: declinedByDeadline}, nil
		}
	}
}

// voidPayment lets go of what is authorised and not captured.
func voidPayment(ctx workflow.Context, in activities.VoidPayment) (activities.Voided, error) {
	var a *activities.Activities
	in.At = now(ctx)
	return runStep(ctx, "Void the payment", a.VoidPayment, in)
}
