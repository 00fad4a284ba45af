package api

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/api/httpx"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/pricing"
	"github.com/orderloom/orderloom/workflows"
	"github.com/shopspring/decimal"
)

// newOrder is the body of POST /api/v1/orders.
type newOrder struct {
	CustomerID      string     `json:"customer_id"`
	Currency        string     `json:"currency"`
	Items           []newItem  `json:"items"`
	ShippingAddress newAddress `json:"shipping_address"`
	// What an order has had since is left out of the fingerprint where it is not given.
	Recipient      *newContact `json:"recipient,omitempty"`
	BillingAddress *newAddress `json:"billing_address,omitempty"`
	CustomerNote   string      `json:"customer_note,omitempty"`
	PaymentToken   string      `json:"payment_token"`
	AllowBackorder bool        `json:"allow_backorder"`
	// KeepPaymentMethod is in every fingerprint: omitempty leaves out no bool, as omitzero does.
	KeepPaymentMethod bool `json:"keep_payment_method,omitempty"`
	// The order's money beside its prices is left out of the fingerprint where it is not given.
	PricesIncludeTax bool              `json:"prices_include_tax,omitzero"`
	ShippingLines    []newShippingLine `json:"shipping_lines,omitempty"`
	Discounts        []newDiscount     `json:"discounts,omitempty"`
	Rounding         pricing.Rounding  `json:"rounding,omitzero"`
	// What the shop knows the order by is left out of the fingerprint where it is not given.
	ExternalReference string            `json:"external_reference,omitempty"`
	Channel           string            `json:"channel,omitempty"`
	Metadata          map[string]string `json:"metadata,omitempty"`
	Tags              []string          `json:"tags,omitempty"`
}

// newItem is one line of a new order.
type newItem struct {
	ProductID string          `json:"product_id"`
	SKU       string          `json:"sku"`
	Quantity  int             `json:"quantity"`
	UnitPrice decimal.Decimal `json:"unit_price"`
	// Currency is the order's; it may be left out.
	Currency string `json:"currency"`
	// The rest is left out of the fingerprint where it is not given.
	Name     string `json:"name,omitempty"`
	TaxClass string `json:"tax_class,omitempty"`
	// Taxes are nil where the platform is to find them, and empty for none.
	Taxes            []newTax          `json:"taxes,omitzero"`
	RequiresShipping *bool             `json:"requires_shipping,omitempty"`
	Metadata         map[string]string `json:"metadata,omitempty"`
}

// Check gives each line the order's currency, and names what the domain finds wrong.
func (r *newOrder) Check() error {
	return r.check(func(_ *newOrder, bad domain.Invalids) domain.Invalids { return bad })
}

// check is [newOrder.Check] without what a request may lack.
func (r *newOrder) check(without func(*newOrder, domain.Invalids) domain.Invalids) error {
	bad := r.checkCurrencies()
	// The recipient comes first because it says more about a country than the order does.
	bad = append(bad, r.checkRecipient(without)...)
	bad = append(bad, r.checkReferences()...)
	bad = append(bad, without(r, invalids(order.CheckOrder(r.CustomerID, r.lines(), r.ShippingAddress.Country)))...)
	return append(bad, r.checkMoney()...).Err()
}

// checkCurrencies gives each line the order's currency, and names the lines that have another one.
func (r *newOrder) checkCurrencies() (bad domain.Invalids) {
	for i, item := range r.Items {
		if item.Currency != "" && item.Currency != r.Currency {
			bad.Add(fmt.Sprintf("items[%d].currency", i),
				"an order has one currency: %q here, %q for the order", domain.Clip(item.Currency), domain.Clip(r.Currency))
		}
	}
	r.nameCurrency()
	return bad
}

// nameCurrency gives each line the order's currency.
func (r *newOrder) nameCurrency() {
	for i := range r.Items {
		r.Items[i].Currency = r.Currency
	}
}

// checkRecipient brings the personal part of the order into the form in which it is kept, and names what is wrong.
func (r *newOrder) checkRecipient(without func(*newOrder, domain.Invalids) domain.Invalids) (bad domain.Invalids) {
	r.ShippingAddress.checkLine1(&bad, "shipping_address")
	r.BillingAddress.checkLine1(&bad, "billing_address")
	kept, err := r.recipient().Checked()
	wrong := without(r, invalids(err))
	r.ShippingAddress.asNamed(wrong, "shipping_address")
	r.BillingAddress.asNamed(wrong, "billing_address")
	if bad = append(bad, wrong...); len(bad) > 0 {
		return bad
	}
	contact := newContact(kept.Contact)
	r.Recipient, r.CustomerNote = &contact, kept.CustomerNote
	r.ShippingAddress.keep(kept.ShippingAddress)
	r.BillingAddress.keepBilling(kept.BillingAddress)
	return nil
}

// recipient is the personal part of the order in the domain's form.
func (r *newOrder) recipient() order.Recipient {
	out := order.Recipient{
		ShippingAddress: r.ShippingAddress.address(), BillingAddress: r.BillingAddress.billing(), CustomerNote: r.CustomerNote,
	}
	if r.Recipient != nil {
		out.Contact = order.Contact(*r.Recipient)
	}
	return out
}

// lines are the lines of the order in the domain's form.
func (r *newOrder) lines() []order.Item {
	lines := make([]order.Item, len(r.Items))
	for i, item := range r.Items {
		lines[i] = order.Item{
			ProductID: item.ProductID, SKU: item.SKU, Quantity: item.Quantity,
			UnitPrice: money.Money{Amount: item.UnitPrice, Currency: item.Currency}, Name: item.Name, TaxClass: item.TaxClass, Metadata: item.Metadata,
		}
		if item.RequiresShipping != nil && !*item.RequiresShipping {
			lines[i].RequiresShipping = item.RequiresShipping
		}
	}
	return lines
}

// placeOrder accepts an order: POST /api/v1/orders.
//
// With "Prefer: wait=5" it answers once the order is settled, in full ([API.settled]). With an Idempotency-Key it may
// be repeated for ever. While Temporal remembers the saga, starting it again says so; the events say it afterwards,
// and are asked first. When they can't be asked, the order is accepted all the same: the saga checks it once more,
// before anything happens.
func (a *API) placeOrder(ctx context.Context, x *httpx.Exchange, r *newOrder) error {
	if err := checkChannel(x.Caller, r.Channel); err != nil {
		return err
	}
	id := x.KeyedID(orderNamespace)
	x.About("order_id", id)
	hash, err := x.Fingerprint(r)
	if err != nil {
		return err
	}
	in := workflows.OrderInput{
		OrderID: id, CustomerID: r.CustomerID, ShipToCountry: r.ShippingAddress.Country,
		RequestHash: hash, UserID: x.Account(), AllowBackorder: r.AllowBackorder,
		KeepPaymentMethod: r.KeepPaymentMethod, ShippingByValue: a.shippingByValue, References: r.references(),
	}
	if x.IdempotencyKey() != "" {
		switch before, err := a.placedBefore(ctx, x, in); {
		case err != nil:
			return a.withState(ctx, x, err)
		case before.Status != "":
			return a.answerAgain(ctx, x, r, in, before)
		}
	}
	content, err := a.priced(ctx, id, r)
	if err != nil {
		return err
	}
	in.Items, in.ShippingLines, in.Discounts, in.Rounding = content.Items, content.ShippingLines, content.Discounts, content.Rounding
	if err := a.chargeable(content); err != nil {
		return err
	}
	if err := a.claimReference(ctx, in); err != nil {
		return err
	}
	if in.Personal, err = a.vault.Seal(ctx, in.CustomerID, r.recipient()); err != nil {
		return fmt.Errorf("seal the recipient: %w", err)
	}
	if in.Payment, err = a.vault.Seal(ctx, in.CustomerID, r.PaymentToken); err != nil {
		return fmt.Errorf("seal the payment token: %w", err)
	}
	_, existed, err := a.sagas.PlaceOrder(ctx, in)
	if err != nil {
		return a.withState(ctx, x, err)
	}
	return a.settled(ctx, x, in, existed)
}

// placedByOtherRules answers an order that today's rules refuse, and that was accepted under its Idempotency-Key while
// other rules held, as it was answered then. It reports whether it has.
func (a *API) placedByOtherRules(ctx context.Context, x *httpx.Exchange, r *newOrder) (bool, error) {
	if x.IdempotencyKey() == "" || !x.Caller.MayPlaceIn(r.Channel) {
		return false, nil
	}
	r.nameCurrency()
	hash, err := x.Fingerprint(r)
	if err != nil {
		return false, err
	}
	in := workflows.OrderInput{OrderID: x.KeyedID(orderNamespace), CustomerID: r.CustomerID, RequestHash: hash}
	if before, err := a.placedBefore(ctx, x, in); err == nil && before.Status != "" {
		x.About("order_id", in.OrderID)
		return true, a.answerAgain(ctx, x, r, in, before)
	}
	return false, nil // the request is answered with what is wrong with it
}

// answerAgain answers a request by which an order was placed before.
func (a *API) answerAgain(ctx context.Context, x *httpx.Exchange, r *newOrder, in workflows.OrderInput, before order.Order) error {
	content := before.Content()
	if !a.findsTaxes(r) { // what was found for the first request counts, and not what would be found now
		priced, err := a.priced(ctx, in.OrderID, r)
		if err != nil {
			return err
		}
		content = priced
	}
	in.Items, in.ShippingLines, in.Discounts, in.Rounding = content.Items, content.ShippingLines, content.Discounts, content.Rounding
	return a.settled(ctx, x, in, true)
}

// chargeable refuses an order that the payment gateway could not charge, however it is split. Error: [domain.Invalids].
func (a *API) chargeable(c order.Content) error {
	if len(c.Items) == 0 {
		return nil
	}
	limits, taken := a.can.Limits(c.Items[0].UnitPrice.Currency)
	return order.CheckChargeable(c, limits, taken)
}

// placedBefore returns the order where the events know it, and else the zero value. Errors: idempotency_key_reused when
// they know another one by this key.
func (a *API) placedBefore(ctx context.Context, x *httpx.Exchange, in workflows.OrderInput) (order.Order, error) {
	ctx, cancel := context.WithTimeout(ctx, a.limits.HistoryWait)
	defer cancel()
	o, err := a.history.Order(ctx, in.OrderID)
	switch {
	case domain.Code(err) == domain.CodeNotFound:
		return order.Order{}, nil
	case err != nil:
		x.Note(fmt.Errorf("ask the events whether the order exists: %w", err))
		return order.Order{}, nil
	}
	// The domain knows a retry: it decides on no events.
	_, err = order.Place(o, order.PlaceOrder{OrderID: in.OrderID, RequestHash: in.RequestHash})
	if err != nil && a.sentBefore(x, o) {
		return o, nil
	}
	return o, err
}

// sentBefore reports whether the order came from the request as it was sent. Orders from before recipients were
// brought into one form were placed so.
func (a *API) sentBefore(x *httpx.Exchange, o order.Order) bool {
	var sent newOrder
	if x.DecodeAsSent(&sent) != nil {
		return false
	}
	sent.nameCurrency()
	hash, err := x.Fingerprint(&sent)
	return err == nil && hash == o.RequestHash
}

// settled answers 201 with the order as its events tell it, once it is settled. It is settled when it is confirmed,
// cancelled, held for a review, or waiting for its customer's bank. The answer comes earlier when the caller has waited
// as long as it wants to. When that can't be told, or too many wait already, it is the answer of those who don't wait.
func (a *API) settled(ctx context.Context, x *httpx.Exchange, in workflows.OrderInput, existed bool) error {
	wait := min(x.PreferredWait(), a.limits.SettleWait)
	if wait == 0 {
		return placed(x, in, existed)
	}
	if err := a.waits.Take(x.Party()); err != nil {
		return placed(x, in, existed)
	}
	defer a.waits.Give(x.Party())
	waiting, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	begun := time.Now()
	shown, err := a.orders.Settled(waiting, in.OrderID, !existed)
	x.Waited(time.Since(begun))
	if err != nil {
		x.Note(fmt.Errorf("wait for the order: %w", err))
		return placed(x, in, existed)
	}
	body := orderBody{Shown: shown}
	if err := a.openRecipient(ctx, &body); err != nil {
		x.Note(err)
		return placed(x, in, existed)
	}
	if x.Out, err = appendOrder(x.Out[:0], &body); err != nil {
		return fmt.Errorf("encode the answer: %w", err)
	}
	x.Writer.Header().Set("Preference-Applied", "wait="+strconv.Itoa(int(wait/time.Second)))
	created(x, in.OrderID, existed, x.Out)
	return nil
}

// placed answers that the order is accepted. A replay has the same body as the first answer.
func placed(x *httpx.Exchange, in workflows.OrderInput, replayed bool) error {
	b := append(x.Out[:0], `{"order_id":"`...)
	b = append(b, in.OrderID.String()...)
	b = append(b, `","order_number":"`...)
	b = append(b, order.Number(in.OrderID)...)
	b = append(b, `","status":"created","customer_id":`...)
	b = httpx.AppendText(b, in.CustomerID)
	b = append(b, `,"total":{"amount":"`...)
	total := in.Total()
	b = append(b, total.Text()...)
	b = append(b, `","currency":"`...)
	b = append(b, total.Currency...)
	x.Out = append(b, `"}}`...)
	created(x, in.OrderID, replayed, x.Out)
	return nil
}

// created answers 201 with an order.
func created(x *httpx.Exchange, id uuid.UUID, replayed bool, body []byte) {
	h := x.Writer.Header()
	h["Location"] = []string{"/api/v1/orders/" + id.String()}
	if replayed {
		h.Set("Idempotent-Replayed", "true")
	}
	x.Answer(http.StatusCreated, body)
}
