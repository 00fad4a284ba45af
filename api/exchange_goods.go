package api

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/api/httpx"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/account"
	"github.com/orderloom/orderloom/domain/inventory"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/domain/pricing"
	"github.com/orderloom/orderloom/workflows"
)

// exchange is the body of POST /api/v1/orders/{order_id}/exchanges.
type exchange struct {
	Lines  []returnedLine `json:"lines"`
	Reason string         `json:"reason"`
	By     string         `json:"by"`
	// Ship is "now", or "on_receipt": the default.
	Ship  string         `json:"ship,omitempty"`
	Order exchangedOrder `json:"order"`
}

const shipNow = "now"

// exchangedOrder is what goes out: to the same recipient, in the same currency.
type exchangedOrder struct {
	Items            []newItem         `json:"items"`
	PricesIncludeTax bool              `json:"prices_include_tax,omitempty"`
	ShippingLines    []newShippingLine `json:"shipping_lines,omitempty"`
	Discounts        []newDiscount     `json:"discounts,omitempty"`
	Rounding         pricing.Rounding  `json:"rounding,omitzero"`
	// PaymentToken pays for what is due. Without it, the one is used again that the customer has agreed to.
	PaymentToken      string            `json:"payment_token,omitempty"`
	KeepPaymentMethod bool              `json:"keep_payment_method,omitempty"`
	AllowBackorder    bool              `json:"allow_backorder,omitempty"`
	ExternalReference string            `json:"external_reference,omitempty"`
	Channel           string            `json:"channel,omitempty"`
	Metadata          map[string]string `json:"metadata,omitempty"`
	Tags              []string          `json:"tags,omitempty"`
}

// body is the order as a new order is asked for.
func (r *exchangedOrder) body(o order.Order) *newOrder {
	return &newOrder{
		CustomerID: o.CustomerID, Currency: o.Total.Currency, Items: r.Items, PricesIncludeTax: r.PricesIncludeTax, ShippingLines: r.ShippingLines,
		Discounts: r.Discounts, Rounding: r.Rounding, AllowBackorder: r.AllowBackorder, ExternalReference: r.ExternalReference,
		Channel: cmp.Or(r.Channel, o.Channel), Metadata: r.Metadata, Tags: r.Tags, ShippingAddress: newAddress{Country: o.ShipToCountry},
	}
}

// checkOrdered names what is wrong with what is ordered, and brings it into the form in which it is kept. Where it goes
// is checked elsewhere.
func (r *newOrder) checkOrdered() domain.Invalids {
	bad := append(r.checkCurrencies(), r.checkReferences()...)
	bad = append(bad, invalids(order.CheckOrder(r.CustomerID, r.lines(), r.ShippingAddress.Country))...)
	return append(bad, r.checkMoney()...)
}

// exchangeGoods sends goods back that pay for a new order: POST /api/v1/orders/{order_id}/exchanges. The return and the
// new order are recorded together, or neither is. With an Idempotency-Key it may be repeated.
func (a *API) exchangeGoods(ctx context.Context, x *httpx.Exchange, r *exchange) error {
	id := x.UUID("order_id")
	x.About("order_id", id)
	var err error
	if r.By, err = decider(x, r.By); err != nil {
		return err
	}
	o, err := a.order(ctx, id)
	if err != nil {
		return err
	}
	p, err := a.history.Payment(ctx, id)
	if err != nil {
		return fmt.Errorf("read the payment of order %s: %w", id, err)
	}
	view, err := a.findView(ctx, id)
	if err != nil {
		return err
	}
	in, err := a.exchangeInput(ctx, x, r, o)
	if err != nil {
		return err
	}
	in.UserID = cmp.Or(view.Account, x.Account()) // whoever sees the order sees the new one
	total := in.Total()
	body := exchangeBody{OrderID: id, ReturnID: in.Exchange.ReturnID, NewOrderID: in.OrderID, NewOrderNumber: order.Number(in.OrderID), Total: total}
	switch before, err := a.placedBefore(ctx, x, in); {
	case err != nil:
		return a.withState(ctx, x, err)
	case before.Status == "" || wantsPreview(x):
	case before.Status == order.StatusCancelled && before.ConfirmedAt.IsZero() && before.CancelledBy == order.BySystem:
		return a.declineExchange(ctx, x, before.CancelReason)
	default:
		return answerExchange(x, body, true)
	}
	decided, err := account.Exchange(o, p, account.ExchangeRequest{
		Exchange: in.Exchange.Exchange, NewOrderID: in.OrderID, Total: total, Limits: a.gatewayLimits(total.Currency),
		Return:   order.AskToReturn{ReturnID: in.Exchange.ReturnID, Lines: in.Exchange.Lines, Reason: r.Reason, By: order.ByOperator, At: a.now()},
		Approval: order.DecideReturn{ReturnID: in.Exchange.ReturnID, Action: order.ReturnApprove, By: r.By, At: a.now()},
	})
	if err != nil {
		return a.withState(ctx, x, err)
	}
	if wantsPreview(x) {
		if _, err := a.allocate(ctx, in.Items, in.ShipToCountry, in.AllowBackorder); err != nil {
			return a.exchangeRefused(ctx, x, err)
		}
		x.Writer.Header().Set("Cache-Control", "no-store")
		return x.JSON(http.StatusOK, exchangePreview{
			OrderID: id, Value: decided.Value, Total: total, Credit: decided.Credit, Due: decided.Due, Refund: decided.Refund,
		})
	}
	if err := a.payExchange(ctx, r, o, p, &in, decided.Due); err != nil {
		return err
	}
	if err := a.claimReference(ctx, in); err != nil {
		return err
	}
	_, existed, err := a.sagas.PlaceOrder(ctx, in)
	if err != nil {
		return a.withState(ctx, x, err)
	}
	return a.awaitExchange(ctx, x, body, existed)
}

// exchangeInput is what the saga of the new order is asked for.
func (a *API) exchangeInput(ctx context.Context, x *httpx.Exchange, r *exchange, o order.Order) (in workflows.OrderInput, err error) {
	hash, err := x.Fingerprint(r)
	if err != nil {
		return in, err
	}
	b := r.Order.body(o)
	if err := b.checkOrdered().Err(); err != nil {
		return in, inOrder(err)
	}
	if b.Channel != o.Channel { // whoever sees the order may place another one in its channel
		if err := checkChannel(x.Caller, b.Channel); err != nil {
			return in, inOrder(err)
		}
	}
	in = workflows.OrderInput{
		OrderID: x.KeyedID(domain.DerivedID(exchangeNamespace, o.ID.String())), CustomerID: o.CustomerID, ShipToCountry: o.ShipToCountry,
		RequestHash: hash, Personal: o.Personal, ShippingByValue: a.shippingByValue, AllowBackorder: b.AllowBackorder, References: b.references(),
	}
	if a.findsTaxes(b) && !o.Personal.IsZero() {
		var recipient order.Recipient
		if err := a.vault.Open(ctx, o.Personal, &recipient); err != nil && !errors.Is(err, domain.ErrErased) {
			return in, fmt.Errorf("open where the order goes: %w", err)
		}
		b.ShippingAddress.State = recipient.ShippingAddress.State
	}
	content, err := a.priced(ctx, in.OrderID, b)
	if err != nil {
		return in, inOrder(err)
	}
	in.Items, in.ShippingLines, in.Discounts, in.Rounding = content.Items, content.ShippingLines, content.Discounts, content.Rounding
	in.Exchange = &workflows.ExchangeGoods{
		Exchange: order.Exchange{OrderID: o.ID, ReturnID: domain.DerivedID(in.OrderID, "return"), OnReceipt: r.Ship != shipNow},
		Lines:    returnLines(r.Lines), Reason: r.Reason, By: r.By, ExpiresAfter: a.returns.Expire,
	}
	return in, nil
}

// inOrder names the fields of the new order as they stand in the request.
func inOrder(err error) error {
	bad := invalids(err)
	if len(bad) == 0 {
		return err
	}
	var named domain.Invalids
	for _, e := range bad {
		named.Add("order."+e.Field, "%s", e.Message)
	}
	return named
}

// payExchange gives the new order the means of payment for what is due. It is the one of the request, or the one that
// the customer has agreed to use again. Errors: payment_method_not_kept; unavailable.
func (a *API) payExchange(ctx context.Context, r *exchange, o order.Order, p payment.Payment, in *workflows.OrderInput, due money.Money) (err error) {
	in.KeepPaymentMethod, in.Payment = o.Terms.KeepPaymentMethod, o.Terms.Payment
	if method, given := p.Method(); given {
		in.KeepPaymentMethod, in.Payment = method.Keep, method.Token
	}
	if r.Order.PaymentToken != "" {
		in.KeepPaymentMethod = r.Order.KeepPaymentMethod
		if in.Payment, err = a.vault.Seal(ctx, o.CustomerID, r.Order.PaymentToken); err != nil {
			return fmt.Errorf("seal the payment token: %w", err)
		}
		return nil
	}
	if due.IsPositive() && !in.KeepPaymentMethod {
		return domain.Refuse(payment.CodePaymentMethodNotKept, "%s is due, and the customer has not agreed that the means of payment is used again", due)
	}
	return nil
}

// awaitExchange answers once the new order is settled, is held until the goods are there, or was refused. One that was
// refused has changed nothing.
func (a *API) awaitExchange(ctx context.Context, x *httpx.Exchange, body exchangeBody, existed bool) error {
	waiting, cancel := context.WithTimeout(ctx, a.limits.SettleWait)
	defer cancel()
	refused := make(chan error, 1)
	go func() {
		refusal := a.sagas.OrderRefused(waiting, body.NewOrderID)
		if refusal != nil {
			cancel() // nothing is going to settle
		}
		refused <- refusal
	}()
	shown, err := a.orders.Settled(waiting, body.NewOrderID, !existed)
	cancel()
	refusal := <-refused
	switch {
	case err == nil:
	case refusal != nil && domain.Code(err) == domain.CodeNotFound:
		return a.exchangeRefused(ctx, x, refusal)
	default:
		x.Note(fmt.Errorf("wait for the exchange: %w", err))
		return x.JSON(http.StatusAccepted, body)
	}
	view, err := shown.View()
	if err != nil {
		return err
	}
	switch {
	case !view.IsSettled():
		return x.JSON(http.StatusAccepted, body)
	case view.Status == order.StatusCancelled:
		return a.declineExchange(ctx, x, view.CancelReason)
	}
	return answerExchange(x, body, existed)
}

// exchangeRefused answers that the new order can't be placed. Missing goods decline it, as missing money does.
func (a *API) exchangeRefused(ctx context.Context, x *httpx.Exchange, refusal error) error {
	if domain.Code(refusal) == inventory.CodeOutOfStock {
		return a.declineExchange(ctx, x, order.ReasonOutOfStock)
	}
	return a.withState(ctx, x, refusal)
}

func (a *API) declineExchange(ctx context.Context, x *httpx.Exchange, reason string) error {
	return a.withState(ctx, x, domain.Refuse(codeExchangeDeclined, "the new order was refused: %s", reason))
}

func answerExchange(x *httpx.Exchange, body exchangeBody, replayed bool) error {
	replay(x, replayed)
	return x.JSON(http.StatusCreated, body)
}

// codeExchangeDeclined refuses an exchange whose new order could not be paid, or has no goods.
const codeExchangeDeclined domain.ErrorCode = "exchange_declined"

type exchangeBody struct {
	// OrderID is the order whose goods come back, by this return.
	OrderID  uuid.UUID `json:"order_id"`
	ReturnID uuid.UUID `json:"return_id"`
	// NewOrderID is the order that they pay for, and Total what it costs.
	NewOrderID     uuid.UUID   `json:"new_order_id"`
	NewOrderNumber string      `json:"new_order_number"`
	Total          money.Money `json:"total"`
}

// exchangePreview is what an exchange would come to.
type exchangePreview struct {
	OrderID uuid.UUID `json:"order_id"`
	// Value is what the goods had cost, Total what the new order costs, and Credit what of it the goods pay for.
	Value  money.Money `json:"value"`
	Total  money.Money `json:"total"`
	Credit money.Money `json:"credit"`
	// Due is what the means of payment is asked for, and Refund what goes back once the goods are there.
	Due    money.Money `json:"due"`
	Refund money.Money `json:"refund"`
}
