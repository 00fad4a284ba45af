package api

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strings"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/privacy"
	"github.com/orderloom/orderloom/readmodel"
)

// getOrder shows one order: GET /api/v1/orders/{order_id}.
func (a *API) getOrder(ctx context.Context, x *exchange) error {
	id := x.id("order_id")
	p := x.query("min_version", "expand[]")
	minVersion := p.integer("min_version", 1, math.MaxInt64)
	expand := p.set("expand[]", expandTimeline, expandCustomer)
	if err := x.invalid(); err != nil {
		return err
	}
	x.orderID = id
	view, provisional, err := a.findOrder(ctx, id, minVersion)
	switch {
	case domain.Code(err) == codeNotVisibleYet, err == nil && view.Version < minVersion:
		return newProblem(codeNotVisibleYet, fmt.Sprintf("version %d of the order is not there yet", minVersion))
	case err != nil:
		return err
	}
	body := orderBody{OrderView: &view, Provisional: provisional}
	if !provisional {
		if err := a.openAddress(ctx, &body); err != nil {
			return err
		}
	}
	if err := a.expand(ctx, &body, expand); err != nil {
		return err
	}
	h := x.Writer.Header()
	h.Set("Cache-Control", "private, no-cache")
	// An expansion changes without the order's version, and a provisional answer has none.
	if !provisional && len(expand) == 0 {
		tag := body.tag()
		h.Set("ETag", tag)
		if matches(x.Request.Header.Values("If-None-Match"), tag) {
			x.Writer.WriteHeader(http.StatusNotModified)
			return nil
		}
	}
	if x.out, err = appendOrder(x.out, &body); err != nil {
		return fmt.Errorf("encode the answer: %w", err)
	}
	x.answerNow(http.StatusOK, x.out)
	return nil
}

// What expand[] may ask for.
const (
	expandTimeline = "timeline"
	expandCustomer = "customer"
	expandAddress  = "shipping_address"
)

// orderBody is an order as [appendOrder] shows it.
type orderBody struct {
	*readmodel.OrderView
	// ShippingAddress is null when it is erased or not known yet; it is left out unless addressShown is true.
	ShippingAddress *order.Address
	addressShown    bool
	// Erased says that the personal data of this order was erased for good.
	Erased bool
	// Provisional says that the order is accepted and nothing more is recorded yet.
	Provisional bool
	Timeline    []readmodel.TimelineEntry
	Customer    *readmodel.CustomerSummary
}

// tag is the order's entity tag: it changes with every event of the order and its payment, and with
// the erasure of its personal data, which no event of the order tells.
func (b *orderBody) tag() string {
	tag := fmt.Sprintf(`"o%d.p%d`, b.Version, b.PaymentVersion)
	if b.Erased {
		tag += ".erased"
	}
	return tag + `"`
}

// matches reports whether one of an If-None-Match's tags is tag (RFC 9110, section 13.1.2).
func matches(headers []string, tag string) bool {
	for _, h := range headers {
		for t := range strings.SplitSeq(h, ",") {
			if t = strings.TrimPrefix(strings.TrimSpace(t), "W/"); t == tag || t == "*" {
				return true
			}
		}
	}
	return false
}

// findOrder returns an order that was ever accepted. When neither a view nor an event tells of it,
// its saga may have started a moment ago: what its memo says is provisional. Errors: not_found.
func (a *API) findOrder(ctx context.Context, id uuid.UUID, minVersion int64) (view readmodel.OrderView, provisional bool, err error) {
	if minVersion > 0 {
		view, err = a.orders.OrderAt(ctx, id, minVersion)
	} else {
		view, err = a.orders.Order(ctx, id)
	}
	if domain.Code(err) != codeNotFound {
		withLists(&view)
		return view, false, unavailable(err)
	}
	memo, err := a.sagas.OrderMemo(ctx, id)
	if domain.Code(err) == codeNotFound {
		return readmodel.OrderView{}, false, orderNotFound(id)
	}
	if err != nil {
		return readmodel.OrderView{}, false, err
	}
	view = readmodel.OrderView{
		OrderID: id, OrderNumber: memo.OrderNumber, CustomerID: memo.CustomerID, Status: order.StatusCreated,
		PaymentStatus: readmodel.PaymentPending, FulfillmentStatus: order.Order{}.FulfillmentStatus(),
		CreatedAt: memo.AcceptedAt, UpdatedAt: memo.AcceptedAt,
	}
	if view.Total, err = money.Parse(memo.Total, memo.Currency); err != nil {
		return readmodel.OrderView{}, false, fmt.Errorf("read the total in the memo of order %s: %w", id, errors.Unwrap(err))
	}
	withLists(&view)
	return view, true, nil
}

func orderNotFound(id uuid.UUID) error {
	return newProblem(codeNotFound, "order "+id.String()+" does not exist")
}

// withLists makes empty lists of what is null, because that is what they are, and gives a currency to
// the nothing that was captured.
func withLists(v *readmodel.OrderView) {
	if v.Captured.Currency == "" {
		v.Captured = money.Zero(v.Total.Currency)
	}
	if v.Refunded.Currency == "" {
		v.Refunded = money.Zero(v.Total.Currency)
	}
	if v.Items == nil {
		v.Items = []order.Item{}
	}
	if v.Shipments == nil {
		v.Shipments = []order.Shipment{}
	}
}

// openAddress shows the personal section of the order.
func (a *API) openAddress(ctx context.Context, b *orderBody) error {
	b.addressShown = true
	sealed := b.Personal
	if sealed.IsZero() {
		return nil
	}
	var r order.Recipient
	switch err := a.vault.Open(ctx, sealed, &r); {
	case errors.Is(err, privacy.ErrErased):
		b.Erased = true
	case err != nil:
		return unavailable(fmt.Errorf("open the address of order %s: %w", b.OrderID, err))
	default:
		b.ShippingAddress = &r.ShippingAddress
	}
	return nil
}

// expand adds what was asked for beside the order itself.
func (a *API) expand(ctx context.Context, b *orderBody, what []string) error {
	for _, w := range what {
		switch w {
		case expandTimeline:
			entries, err := a.orders.Timeline(ctx, b.OrderID)
			if err != nil && domain.Code(err) != codeNotFound {
				return unavailable(fmt.Errorf("read the timeline of order %s: %w", b.OrderID, err))
			}
			b.Timeline = entries
		case expandCustomer:
			c, err := a.views.Customer(ctx, b.CustomerID)
			switch {
			case domain.Code(err) == codeNotFound: // the first order is not counted yet
			case err != nil:
				return unavailable(fmt.Errorf("read the customer of order %s: %w", b.OrderID, err))
			default:
				b.Customer = withTotals(c)
			}
		}
	}
	return nil
}
