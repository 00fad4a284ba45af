package account

import (
	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/shopspring/decimal"
)

// ExchangeRequest asks to send goods back that pay for another order.
type ExchangeRequest struct {
	order.Exchange
	// OrderID is the order that they pay for, and Total what it costs.
	NewOrderID uuid.UUID
	Total      money.Money
	Return     order.AskToReturn
	// Approval approves the return.
	Approval order.DecideReturn
	Limits   money.Limits
}

// Exchanged is what an exchange records, in one append.
type Exchanged struct {
	// Orders and Payments are events of the order whose goods come back, Taken of the new order's payment.
	Orders, Payments, Taken []domain.Event
	// Agreed is of the new order. It is among Orders too.
	Agreed []domain.Event
	// Value is what the goods had cost, and Credit what of it pays for the new order. Due is what that costs besides,
	// and Refund what of the value goes back to the customer once the goods are there.
	Value, Credit, Due, Refund money.Money
}

// Exchange decides that goods come back and pay for another order. The preview asks it too.
//
// What is left for the means of payment is nothing, or an amount that the gateway takes. Errors: as
// [order.RequestReturn]; payment_disputed; idempotency_key_reused for a return that is known.
func Exchange(o order.Order, p payment.Payment, c ExchangeRequest) (x Exchanged, err error) {
	if x.Orders, err = order.RequestReturn(o, c.Return); err != nil {
		return x, err
	}
	if len(x.Orders) == 0 {
		return x, domain.Refuse(domain.CodeIdempotencyKeyReused, "return %s of order %s was requested before", c.ReturnID, o.Number)
	}
	x.Agreed = []domain.Event{order.ExchangeAgreed{Exchange: c.Exchange, NewOrderID: c.NewOrderID, AgreedAt: c.Return.At}}
	x.Orders = append(x.Orders, x.Agreed...)
	approved := evolved(o, x.Orders)
	more, err := order.Decide(approved, c.Approval)
	if err != nil {
		return x, err
	}
	x.Orders, approved = append(x.Orders, more...), evolved(approved, more)
	goods, err := order.Receive(approved, order.ReturnOrder{ReturnID: c.ReturnID, Lines: c.Return.Lines, At: c.Return.At})
	if err != nil {
		return x, err
	}
	returned := goods[0].(order.OrderReturned)
	x.Value = returned.Amount
	x.Payments, x.Credit, err = payment.Give(p, payment.GiveCredit{
		CreditID: c.CreditID(), To: c.NewOrderID, Most: mostCredit(c.Total, x.Value, c.Limits), Lines: ReturnOwes(o, returned, c.Limits).Lines,
		Limits: c.Limits, At: c.Return.At,
	})
	if err != nil {
		return x, err
	}
	x.Taken = payment.Take(c.NewOrderID, o.ID, c.CreditID(), x.Credit, c.Return.At)
	x.Due = c.Total.Sub(x.Credit)
	after := p.Clone()
	for _, e := range x.Payments {
		after = payment.Evolve(after, e)
	}
	before := after.Owed()
	for _, e := range payment.Owe(after, ReturnOwes(o, returned, c.Limits)) {
		after = payment.Evolve(after, e)
	}
	x.Refund = money.Zero(c.Total.Currency).Add(after.Owed()).Sub(before)
	return x, nil
}

// mostCredit is what of a total may be paid by credit, so that the gateway takes the rest.
func mostCredit(total, value money.Money, l money.Limits) money.Money {
	credit := smaller(total, value)
	rest := total.Sub(credit)
	least := money.Money{Amount: decimal.Max(l.AuthorizeMin, l.CaptureMin), Currency: total.Currency}
	if rest.IsPositive() && rest.Cmp(least) < 0 {
		rest = smaller(least, total)
	}
	return total.Sub(smaller(l.Ceil(rest), total))
}

func evolved(o order.Order, events []domain.Event) order.Order {
	o = o.Clone()
	for _, e := range events {
		o = order.Evolve(o, e)
	}
	return o
}
