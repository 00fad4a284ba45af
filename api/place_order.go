package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/workflows"
)

// placeOrder accepts an order: POST /api/v1/orders.
//
// With "Prefer: wait=5" it answers once the order is settled, in full ([API.settled]). With an Idempotency-Key
// it may be repeated for ever. While Temporal remembers the saga, starting it again says so; the events say it
// afterwards, and are asked first. When they can't be, the order is accepted all the same: the saga checks it
// once more, before anything happens.
func (a *API) placeOrder(ctx context.Context, x *exchange) error {
	key := x.idempotencyKey()
	var r orderRequest
	if err := x.decode(r.decode); err != nil {
		return err
	}
	r.check(x)
	if err := x.invalid(); err != nil {
		return err
	}
	x.orderID = x.keyedID(orderNamespace, key)
	in := workflows.OrderInput{
		OrderID: x.orderID, CustomerID: r.customerID, Items: r.items, ShipToCountry: r.address.Country,
		PaymentToken: r.paymentToken, RequestHash: r.hash(x, key), UserID: x.caller,
		AllowBackorder: r.backorder,
	}
	if key != "" {
		known, err := a.placedBefore(ctx, x, in)
		if err != nil {
			return err
		}
		if known {
			return a.settled(ctx, x, in, true)
		}
	}
	var err error
	if in.Personal, err = a.vault.Seal(ctx, in.CustomerID, order.Recipient{ShippingAddress: r.address}); err != nil {
		return unavailable(fmt.Errorf("seal the address: %w", err))
	}
	_, existed, err := a.sagas.PlaceOrder(ctx, in)
	if err != nil {
		return err
	}
	return a.settled(ctx, x, in, existed)
}

// placedBefore reports whether the events know the order. Errors: idempotency_key_reused when they
// know another one by this key.
func (a *API) placedBefore(ctx context.Context, x *exchange, in workflows.OrderInput) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, a.limits.HistoryWait)
	defer cancel()
	o, err := a.history.Order(ctx, in.OrderID)
	switch {
	case domain.Code(err) == codeNotFound:
		return false, nil
	case err != nil:
		x.cause = fmt.Errorf("ask the events whether the order exists: %w", err)
		return false, nil
	case o.RequestHash != in.RequestHash:
		return false, newProblem(codeKeyReused, "order "+o.Number+" was placed by another request under this key")
	}
	return true, nil
}

// settled answers 201 with the order as its events tell it: once it is settled, which means confirmed, cancelled, held for a
// review or waiting for its customer's bank, or when the caller has waited as long as it wants to. When that can't
// be told, or too many wait already, it is the answer of those who don't wait.
func (a *API) settled(ctx context.Context, x *exchange, in workflows.OrderInput, existed bool) error {
	wait := min(x.preferredWait(), a.limits.SettleWait)
	if wait == 0 {
		return x.placed(in, existed)
	}
	select {
	case a.waits <- struct{}{}:
		defer func() { <-a.waits }()
	default:
		return x.placed(in, existed)
	}
	waiting, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	shown, err := a.orders.Settled(waiting, in.OrderID, !existed)
	if err != nil {
		x.cause = fmt.Errorf("wait for the order: %w", err)
		return x.placed(in, existed)
	}
	body := orderBody{Shown: shown}
	if err := a.openAddress(ctx, &body); err != nil {
		x.cause = err
		return x.placed(in, existed)
	}
	if x.out, err = appendOrder(x.out[:0], &body); err != nil {
		return fmt.Errorf("encode the answer: %w", err)
	}
	x.Writer.Header().Set("Preference-Applied", "wait="+strconv.Itoa(int(wait/time.Second)))
	x.created(in.OrderID, existed, x.out)
	return nil
}

// preferredWait is how long the caller wants to wait: whole seconds (RFC 7240, section 4.3). What it does not say, or says
// wrongly, counts as nothing, as that RFC wants it.
func (x *exchange) preferredWait() time.Duration {
	for _, header := range x.Request.Header["Prefer"] {
		for preference := range strings.SplitSeq(header, ",") {
			preference, _, _ = strings.Cut(preference, ";")
			name, value, _ := strings.Cut(preference, "=")
			if !strings.EqualFold(strings.TrimSpace(name), "wait") {
				continue
			}
			seconds, err := strconv.ParseUint(strings.Trim(strings.TrimSpace(value), `"`), 10, 31)
			if err != nil {
				return 0
			}
			return time.Duration(seconds) * time.Second
		}
	}
	return 0
}

// created answers 201 with an order.
func (x *exchange) created(id uuid.UUID, replayed bool, body []byte) {
	h := x.Writer.Header()
	h["Location"] = []string{"/api/v1/orders/" + id.String()}
	if replayed {
		h.Set("Idempotent-Replayed", "true")
	}
	x.answer(http.StatusCreated, body)
}

// placed answers that the order is accepted. A replay has the same body as the first answer.
func (x *exchange) placed(in workflows.OrderInput, replayed bool) error {
	b := append(x.out[:0], `{"order_id":"`...)
	b = append(b, in.OrderID.String()...)
	b = append(b, `","order_number":"`...)
	b = append(b, order.Number(in.OrderID)...)
	b = append(b, `","status":"created","customer_id":`...)
	b = appendJSONText(b, in.CustomerID)
	b = append(b, `,"total":{"amount":"`...)
	total := order.Total(in.Items)
	b = append(b, total.Text()...)
	b = append(b, `","currency":"`...)
	b = append(b, total.Currency...)
	b = append(b, `"}}`...)
	x.out = b
	x.created(in.OrderID, replayed, b)
	return nil
}

// appendJSONText appends s as a JSON string.
func appendJSONText(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= 0x7f {
			text, _ := json.Marshal(s) // a string always has a JSON form
			return append(b, text...)
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}

// orderRequest is the body of POST /api/v1/orders.
type orderRequest struct {
	customerID   string
	currency     string
	paymentToken string
	items        []order.Item
	itemCount    int
	address      order.Address
	backorder    bool
}

var (
	orderMembers = []member{
		{"customer_id", true},
		{"currency", true},
		{"items", true},
		{"shipping_address", true},
		{"payment_token", true},
		{"allow_backorder", false},
	}
	itemMembers = []member{
		{"product_id", true}, {"sku", true}, {"quantity", true}, {"unit_price", true}, {"currency", false},
	}
	addressMembers = []member{
		{"street", true}, {"city", true}, {"state", false}, {"zip", true}, {"country", true},
	}
)

// decode reads the body's form.
func (r *orderRequest) decode(d *decoder) {
	d.object(orderMembers, func(name string) {
		switch name {
		case "customer_id":
			r.customerID = d.text()
		case "currency":
			r.currency = d.text()
		case "payment_token":
			r.paymentToken = d.text()
		case "allow_backorder":
			r.backorder = d.boolean()
		case "items":
			r.items = make([]order.Item, 0, 4)
			d.array(func(i int) { r.decodeItem(d, i) })
		case "shipping_address":
			r.address = decodeAddress(d)
		}
	})
}

func (r *orderRequest) decodeItem(d *decoder, i int) {
	if r.itemCount = i + 1; i >= order.ItemsMax {
		d.skip()
		return
	}
	var item order.Item
	d.object(itemMembers, func(name string) {
		switch name {
		case "product_id":
			item.ProductID = d.text()
		case "sku":
			item.SKU = d.text()
		case "quantity":
			item.Quantity = d.integer()
		case "unit_price":
			item.UnitPrice.Amount = d.amount()
		case "currency":
			item.UnitPrice.Currency = d.text()
		}
	})
	r.items = append(r.items, item)
}

func decodeAddress(d *decoder) (a order.Address) {
	d.object(addressMembers, func(name string) {
		switch name {
		case "street":
			a.Street = d.text()
		case "city":
			a.City = d.text()
		case "state":
			a.State = d.text()
		case "zip":
			a.Zip = d.text()
		case "country":
			a.Country = d.text()
		}
	})
	return a
}

// paymentTokenMax bounds a payment token; Stripe's are below 100 characters.
const paymentTokenMax = 255

// check notes everything that is wrong with a body that could be read, and gives each price the
// order's currency.
func (r *orderRequest) check(x *exchange) {
	known := money.KnownCurrency(r.currency)
	if !known && !x.blamed("currency") {
		x.check(domain.Invalid("currency", "%q is not an active ISO 4217 currency code", clip(r.currency)))
	}
	if r.itemCount > order.ItemsMax {
		x.check(domain.Invalid("items", "an order has at most %d items, got %d", order.ItemsMax, r.itemCount))
	}
	for i := range r.items {
		price := &r.items[i].UnitPrice
		if price.Currency != "" && price.Currency != r.currency {
			x.check(domain.Invalid(fmt.Sprintf("items[%d].currency", i),
				"an order has one currency: %q here, %q for the order", clip(price.Currency), clip(r.currency)))
		}
		if price.Currency = r.currency; !known {
			checkAnyPrice(x, i, *price)
		}
	}
	x.checkText("payment_token", r.paymentToken, paymentTokenMax)
	// The address comes first because it says more about a country than the order does.
	x.check(order.CheckAddress("shipping_address", r.address))
	x.check(order.CheckOrder(r.customerID, r.items, r.address.Country))
}

// checkAnyPrice notes what is wrong with a price in any currency, where the order's is not known.
func checkAnyPrice(x *exchange, i int, price money.Money) {
	field := fmt.Sprintf("items[%d].unit_price", i)
	switch exp := price.Amount.Exponent(); {
	case exp > money.AmountDigitsMax || exp < -money.AmountDigitsMax:
		x.check(domain.Invalid(field, "an amount has at most %d digits", money.AmountDigitsMax))
	case !price.Amount.Equal(price.Amount.Truncate(4)):
		x.check(domain.Invalid(field, "no currency allows more than 4 digits after the point"))
	case !price.IsPositive():
		x.check(domain.Invalid(field, "must be at least 0.01, got %s", price.Amount))
	}
}

// hash is the request's hash. It leaves out nothing that the request means.
func (r *orderRequest) hash(x *exchange, key string) string {
	b := appendText(x.out[:0], "order/1")
	b = appendText(b, r.customerID)
	b = appendText(b, r.currency)
	b = appendText(b, r.paymentToken)
	b = appendAddress(b, &r.address)
	b = append(b, byte(len(r.items))) // at most order.ItemsMax
	if r.backorder {
		b = append(b, 1)
	} else {
		b = append(b, 0)
	}
	for i := range r.items {
		item := &r.items[i]
		b = appendText(b, item.ProductID)
		b = appendText(b, item.SKU)
		b = appendInt(b, item.Quantity)
		b = appendText(b, item.UnitPrice.Text())
	}
	hash := requestHash(key, b)
	x.out = b
	return hash
}
