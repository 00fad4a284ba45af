package order_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// shareBooks are an order's shipments, and what has become of their money.
type shareBooks struct {
	o               order.Order
	limits          money.Limits
	captures        map[uuid.UUID]money.Money
	waivedOf        map[uuid.UUID]money.Money // what of each shipment's lines was waived, which is never refunded
	waived, excess  money.Money
	refunded, total money.Money
}

// taken is as in payment.Payment.Taken.
func (b *shareBooks) taken() money.Money {
	return b.captured().Add(b.waived).Sub(b.excess)
}

func (b *shareBooks) captured() money.Money {
	total := money.Zero(b.total.Currency)
	for _, amount := range b.captures {
		total = total.Add(amount)
	}
	return total
}

// settle is what each fact about the shipments records.
func (b *shareBooks) settle() {
	missing, excess := b.o.Unsettled(b.taken())
	rest := missing
	for _, s := range b.o.Shipments {
		if s.Status.Left() && !s.NeverArrived() {
			part := lesser(b.o.UncapturedOf(s, b.captures, b.taken()), rest)
			b.waivedOf[s.ShipmentID], rest = b.waivedOf[s.ShipmentID].Add(part), rest.Sub(part)
		}
	}
	b.waived, b.excess = b.waived.Add(missing), b.excess.Add(excess)
}

func lesser(a, b money.Money) money.Money {
	if a.Cmp(b) < 0 {
		return a
	}
	return b
}

// any returns a shipment in a state, nil when there is none.
func (b *shareBooks) any(t *rapid.T, in order.ShipmentStatus) *order.Shipment {
	var found []*order.Shipment
	for i := range b.o.Shipments {
		if s := &b.o.Shipments[i]; s.Status == in {
			found = append(found, s)
		}
	}
	if len(found) == 0 {
		return nil
	}
	return rapid.SampledFrom(found).Draw(t, "shipment")
}

// Shipments leave, are cancelled in part or whole, and get lost, in any order. The currencies have no, two and three
// decimals, and the gateway has a step and a least capture.
func TestSharesAddUpWhateverBecomesOfTheShipments(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		currency := rapid.SampledFrom([]string{"JPY", "EUR", "KWD"}).Draw(t, "currency")
		unit := func(n int64) money.Money { return money.FromMinorUnits(n, currency) }
		zero := money.Zero(currency)
		b := &shareBooks{captures: map[uuid.UUID]money.Money{}, waivedOf: map[uuid.UUID]money.Money{}, waived: zero, excess: zero, refunded: zero, total: zero}
		b.limits.Step = unit(rapid.SampledFrom([]int64{1, 5, 10}).Draw(t, "step")).Amount
		b.limits.CaptureMin = unit(rapid.Int64Range(0, 60).Draw(t, "least")).Amount
		for _, n := range rapid.SliceOfN(rapid.Int64Range(1, 100), 1, 5).Draw(t, "amounts") {
			b.o.Shipments = append(b.o.Shipments, order.Shipment{ShipmentID: uuid.New(), Amount: unit(n), Status: order.ShipmentStatusPlanned})
			b.total = b.total.Add(unit(n))
		}
		b.o.Total = b.total
		t.Repeat(map[string]func(*rapid.T){
			"leave": func(t *rapid.T) {
				if s := b.any(t, order.ShipmentStatusPlanned); s != nil {
					share := b.o.Share(s.ShipmentID, b.taken(), b.limits)
					require.True(t, share.IsZero() || b.limits.Captures(share), "%s can be captured", share)
					if share.IsPositive() {
						b.captures[s.ShipmentID] = share
					}
					s.Status = order.ShipmentStatusDispatched
					b.settle()
				}
			},
			"cancel": func(t *rapid.T) {
				if s := b.any(t, order.ShipmentStatusPlanned); s != nil {
					n := unit(rapid.Int64Range(1, s.Amount.MinorUnits()).Draw(t, "cancelled"))
					if s.Amount = s.Amount.Sub(n); s.Amount.IsZero() {
						s.Status = order.ShipmentStatusCancelled
					}
					b.settle()
				}
			},
			"lose": func(t *rapid.T) {
				if s := b.any(t, order.ShipmentStatusDispatched); s != nil {
					open := b.o.UncapturedOf(*s, b.captures, b.taken())
					b.waived, b.refunded = b.waived.Add(open), b.refunded.Add(lesser(s.Amount.Sub(open), s.Amount.Sub(b.waivedOf[s.ShipmentID])))
					s.Status = order.ShipmentStatusLost
					b.settle()
				}
			},
			"": func(t *rapid.T) { b.check(t) },
		})
	})
}

func (b *shareBooks) check(t *rapid.T) {
	require.LessOrEqual(t, b.captured().Cmp(b.total), 0, "never more than was authorised")
	for _, m := range []money.Money{b.waived, b.excess, b.refunded, b.captured().Sub(b.refunded).Sub(b.excess)} {
		require.False(t, m.Amount.IsNegative(), m)
	}
	if b.o.Planned().IsPositive() {
		open := b.o.Due().Sub(b.taken()).Amount
		require.Negative(t, open.Cmp(b.limits.CaptureMin.Add(b.limits.Step)), "%s waits for the next shipment", open)
		return
	}
	require.Equal(t, b.o.Due().Text(), b.taken().Text(), "what has left is captured, or waived")
}
