package activities

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/eventstore"
	"github.com/orderloom/orderloom/payments"
	"go.temporal.io/sdk/activity"
)

// ReconciledPayout is a payout of the gateway, and what of it the events explain.
type ReconciledPayout struct {
	// Ref is the gateway's reference.
	Ref string    `json:"ref"`
	At  time.Time `json:"at"`
	// Gross less Fees is Net, over all entries. Amount is what the gateway says that it has paid out.
	Gross  money.Money `json:"gross"`
	Fees   money.Money `json:"fees"`
	Net    money.Money `json:"net"`
	Amount money.Money `json:"amount"`
	// Itemised is false where the gateway does not tell of what it consists. The amounts of the entries are zero then.
	Itemised bool `json:"itemised"`
	// Matched counts the entries that a capture, a refund or a dispute of an order explains. Fees counts as explained.
	// Foreign counts those that belong to no order here, and Unmatched those that should and do not.
	Matched   int `json:"matched"`
	Foreign   int `json:"foreign,omitempty"`
	Unmatched int `json:"unmatched,omitempty"`
}

// UnmatchedEntry is an entry of a payout that no event explains.
type UnmatchedEntry struct {
	Payout string              `json:"payout"`
	Ref    string              `json:"ref"`
	Kind   payments.PayoutKind `json:"kind"`
	// OrderID is the order whose payment it names; zero for none here.
	OrderID uuid.UUID   `json:"order_id,omitzero"`
	Amount  money.Money `json:"amount"`
	// Why says what does not fit.
	Why string `json:"why"`
}

// payoutLead is how long before the time of a reconciliation payouts are told of too. A gateway takes some days to tell
// of what a payout consists.
const payoutLead = 3 * 24 * time.Hour

// Bounds of what a reconciliation tells of payouts.
const (
	// PayoutsMax is how many payouts are told, and UnmatchedMax how many of their entries.
	PayoutsMax   = 100
	UnmatchedMax = 100
)

// payouts matches what the gateway has paid out with the events. It records nothing: a payout changes nothing about an
// order. Where the gateway does not let us read its payouts, that is told.
func (r *reconciliation) payouts(ctx context.Context) error {
	reader, ok := r.gateway.(payments.PayoutReader)
	if !ok {
		return nil
	}
	known := map[uuid.UUID]payment.Payment{}
	for p, err := range reader.Payouts(ctx, r.in.From.Add(-payoutLead), r.in.To) {
		var refused *domain.Error
		if errors.As(err, &refused) || errors.Is(err, payments.ErrCredentials) {
			r.out.PayoutsUnread = err.Error()
			return nil
		}
		if err != nil {
			return Refusal(fmt.Errorf("read the gateway's payouts: %w", err))
		}
		if err := r.payout(ctx, p, known); err != nil {
			return err
		}
	}
	return nil
}

// payout matches the entries of one payout.
func (r *reconciliation) payout(ctx context.Context, p payments.Payout, known map[uuid.UUID]payment.Payment) error {
	none := money.Zero(p.Amount.Currency)
	out := ReconciledPayout{Ref: p.Ref, At: p.At, Gross: none, Fees: none, Net: none, Amount: p.Amount, Itemised: p.Itemised}
	for _, e := range p.Entries {
		out.Gross, out.Fees, out.Net = out.Gross.Add(e.Gross), out.Fees.Add(e.Fee), out.Net.Add(e.Net)
		pay, err := r.paymentOf(ctx, e.PaymentID, known)
		if err != nil {
			return err
		}
		why, err := r.mismatch(ctx, e, pay)
		if err != nil {
			return err
		}
		switch {
		case e.Kind == payments.PayoutFee || pay.OrderID != uuid.Nil && why == "":
			out.Matched++
			continue
		case pay.OrderID == uuid.Nil:
			out.Foreign++
		default:
			out.Unmatched++
		}
		r.unmatched(UnmatchedEntry{Payout: p.Ref, Ref: e.Ref, Kind: e.Kind, OrderID: pay.OrderID, Amount: e.Gross, Why: why})
	}
	if p.Itemised && out.Net.Cmp(p.Amount) != 0 {
		out.Unmatched++
		r.unmatched(UnmatchedEntry{
			Payout: p.Ref, Ref: p.Ref, Kind: payments.PayoutOther, Amount: p.Amount.Sub(out.Net), Why: "its entries do not add up to what was paid out",
		})
	}
	r.out.Unmatched += out.Unmatched
	if len(r.out.Payouts) < PayoutsMax {
		r.out.Payouts = append(r.out.Payouts, out)
	}
	activity.RecordHeartbeat(ctx, Reconciled{
		Compared: r.out.Compared, Foreign: r.out.Foreign, Adopted: r.out.Adopted, Differences: r.out.Differences,
	})
	return nil
}

func (r *reconciliation) unmatched(e UnmatchedEntry) {
	if len(r.out.UnmatchedEntries) < UnmatchedMax {
		r.out.UnmatchedEntries = append(r.out.UnmatchedEntries, e)
	}
}

// paymentOf returns a payment as its events tell it; the zero value for none of ours.
func (r *reconciliation) paymentOf(ctx context.Context, id uuid.UUID, known map[uuid.UUID]payment.Payment) (payment.Payment, error) {
	if p, before := known[id]; before || id == uuid.Nil {
		return p, nil
	}
	p, _, err := eventstore.Fold(ctx, r.Activities.events, paymentAggregate, id)
	if err != nil {
		return p, fmt.Errorf("load payment %s: %w", id, err)
	}
	known[id] = p
	return p, nil
}

// mismatch says why the events of a payment do not explain an entry; empty when they do. Amounts in the currency of the
// payout do not compare with those of a payment in another one.
func (r *reconciliation) mismatch(ctx context.Context, e payments.PayoutEntry, p payment.Payment) (why string, err error) {
	if p.OrderID == uuid.Nil {
		return "no order here has this payment", nil
	}
	amount := e.Gross
	if amount.Amount.IsNegative() {
		amount = money.Zero(amount.Currency).Sub(amount)
	}
	compares := amount.SameCurrency(p.Captured)
	switch e.Kind {
	case payments.PayoutCapture:
		taken := p.TakenFrom(e.GatewayRef)
		if !compares || amount.Cmp(taken) <= 0 {
			return "", nil
		}
		// A gateway that captures once has taken the whole at the first shipment.
		entry, err := r.gateway.Find(ctx, payments.FindRequest{PaymentID: p.ID, GatewayRef: p.GatewayRef})
		if err != nil {
			return "", Refusal(fmt.Errorf("find payment %s: %w", p.ID, err))
		}
		if !entry.TakenAtOnce {
			why = fmt.Sprintf("the events tell that %s were captured of it", taken)
		}
	case payments.PayoutRefund, payments.PayoutRefundFailed:
		a, found := p.AttemptOf(e.Movement)
		switch {
		case !found:
			why = "no refund of the order has this reference"
		case compares && a.Amount.Cmp(amount) != 0:
			why = fmt.Sprintf("the refund is of %s", a.Amount)
		}
	case payments.PayoutDispute:
		if !p.HasDispute(e.Movement) {
			why = "no dispute of the order has this reference"
		}
	case payments.PayoutOther:
		why = "it is neither a capture, a refund nor a dispute"
	}
	return why, nil
}
