package activities

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/eventstore"
	"github.com/orderloom/orderloom/payments"
	"go.temporal.io/sdk/activity"
)

// SettleLatePayment is the input of [Activities.SettleLatePayment]: what a gateway's report names. The payment and the
// order are zero where the report names neither.
type SettleLatePayment struct {
	OrderID    uuid.UUID `json:"order_id"`
	PaymentID  uuid.UUID `json:"payment_id"`
	GatewayRef string    `json:"gateway_ref"`
	At         time.Time `json:"at"`
}

// ReportOutcome is what became of a gateway's report.
type ReportOutcome string

// The outcomes of a report.
const (
	// ReportSettled is a report of a payment that nobody waits for: [Activities.RecordGatewayEvent] records it.
	ReportSettled ReportOutcome = "settled"
	// ReportAwaited is a report of a payment that a saga waits for, or is about to.
	ReportAwaited ReportOutcome = "awaited"
	// ReportUnknown is a report of a payment that is none of ours: an account at a gateway may serve others too.
	ReportUnknown ReportOutcome = "unknown"
	// ReportMismatch is a report of a payment that is not the one of the order which it names, or has another amount.
	ReportMismatch ReportOutcome = "mismatch"
)

// LatePaymentSettled says what became of a report.
type LatePaymentSettled struct {
	// OrderID is the order whose payment it is; zero for a report that is ignored.
	OrderID uuid.UUID     `json:"order_id,omitzero"`
	Outcome ReportOutcome `json:"outcome"`
}

// SettleLatePayment asks the gateway about a payment that it has reported on, and tells whose it is. It changes
// nothing.
// A report that concerns no payment of ours is counted and ignored.
func (a *Activities) SettleLatePayment(ctx context.Context, in SettleLatePayment) (LatePaymentSettled, error) {
	entry, err := a.gateway.Find(ctx, payments.FindRequest{PaymentID: in.PaymentID, GatewayRef: in.GatewayRef})
	if err != nil {
		return LatePaymentSettled{}, Refusal(fmt.Errorf("ask about payment %s %s: %w", in.PaymentID, in.GatewayRef, err))
	}
	switch {
	case entry.PaymentID == uuid.Nil:
		return ignore(ctx, in, ReportUnknown), nil
	case payment.ID(entry.OrderID) != entry.PaymentID, in.OrderID != uuid.Nil && in.OrderID != entry.OrderID:
		return ignore(ctx, in, ReportMismatch), nil
	}
	id := entry.PaymentID
	p, _, err := eventstore.Fold(ctx, a.events, paymentAggregate, id)
	if err != nil {
		return LatePaymentSettled{}, fmt.Errorf("load payment %s: %w", id, err)
	}
	switch p.Status {
	case "":
		o, err := a.foldOrder(ctx, entry.OrderID)
		switch {
		case err != nil:
			return LatePaymentSettled{}, err
		case o.Status == "":
			return ignore(ctx, in, ReportUnknown), nil
		}
		return LatePaymentSettled{OrderID: entry.OrderID, Outcome: ReportAwaited}, nil
	case payment.StatusActionRequired:
		return LatePaymentSettled{OrderID: entry.OrderID, Outcome: ReportAwaited}, nil
	}
	countReport(ctx, ReportSettled)
	return LatePaymentSettled{OrderID: entry.OrderID, Outcome: ReportSettled}, nil
}

// ignore makes a report visible that nothing is done for.
func ignore(ctx context.Context, in SettleLatePayment, why ReportOutcome) LatePaymentSettled {
	activity.GetLogger(ctx).Warn("Ignored a payment gateway's report.",
		"outcome", string(why), "order_id", in.OrderID, "payment_id", in.PaymentID, "gateway_ref", in.GatewayRef)
	countReport(ctx, why)
	return LatePaymentSettled{Outcome: why}
}

// metricReports counts reports of payment gateways by what became of them.
const metricReports = "orderloom_payment_reports_total"

func countReport(ctx context.Context, outcome ReportOutcome) {
	activity.GetMetricsHandler(ctx).WithTags(map[string]string{"outcome": string(outcome)}).Counter(metricReports).Inc(1)
}
