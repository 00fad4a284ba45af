package api

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/access"
	"github.com/orderloom/orderloom/api/httpx"
	"github.com/orderloom/orderloom/api/version"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/readmodel"
)

// getOrder shows one order: GET /api/v1/orders/{order_id}.
func (a *API) getOrder(ctx context.Context, x *httpx.Exchange) error {
	id, minVersion, expand := x.UUID("order_id"), x.QueryInt("min_version"), x.QueryTexts("expand[]")
	x.About("order_id", id)
	shown, provisional, err := a.findOrder(ctx, id, minVersion)
	switch {
	case domain.Code(err) == readmodel.CodeVersionUnknown:
		x.Blame(httpx.InQuery, "min_version", "no event of the order has this version yet")
		return x.Invalid()
	case err == nil && shown.Version < minVersion: // it was accepted, and nothing is recorded yet
		return newProblem(codeNotVisibleYet, "version %d of the order is not there yet", minVersion)
	case err != nil:
		return err
	}
	if seen, err := sees(x.Caller, shown); err != nil || !seen {
		return cmp.Or(err, orderNotFound(id))
	}
	body := orderBody{Shown: shown, Provisional: provisional}
	if !provisional {
		if err := a.openRecipient(ctx, &body); err != nil {
			return err
		}
	}
	if err := a.expand(ctx, x, &body, expand); err != nil {
		return err
	}
	x.Writer.Header().Set("Cache-Control", "private, no-cache")
	// An expansion changes without the order's version, and a provisional answer has none.
	if !provisional && len(expand) == 0 && x.NotModified(body.tag(x.Version())) {
		return nil
	}
	if x.Out, err = appendOrder(x.Out, &body); err != nil {
		return fmt.Errorf("encode the answer: %w", err)
	}
	x.AnswerNow(http.StatusOK, x.Out)
	return nil
}

// codeNotVisibleYet is the code of the answer about an order that was accepted and is not recorded yet.
const codeNotVisibleYet domain.ErrorCode = "not_visible_yet"

// What expand[] may ask for.
const (
	expandTimeline = "timeline"
	expandCustomer = "customer"
	expandLabels   = "labels"
)

// orderBody is an order as the read model has written it, and what a request adds.
type orderBody struct {
	readmodel.Shown
	// personal is left out unless personalShown is true. The address is null then when it is erased or not known yet.
	personal      personal
	personalShown bool
	// Provisional says that the order is accepted and nothing more is recorded yet.
	Provisional bool
	Timeline    []readmodel.TimelineEntry
	Customer    *readmodel.CustomerSummary
	Labels      *labels
}

// appendOrder writes an order. What the read model has written of it is passed on as it is, up to its closing brace.
func appendOrder(b []byte, o *orderBody) ([]byte, error) {
	b = append(b, o.JSON[:len(o.JSON)-1]...)
	switch {
	case !o.personalShown:
	case o.personal.members == nil:
		b = append(b, `,"shipping_address":null`...)
	default:
		b = append(append(b, ','), o.personal.members...)
	}
	if o.personal.erased {
		b = append(b, `,"erased":true`...)
	}
	if o.Provisional {
		b = append(b, `,"provisional":true`...)
	}
	if len(o.Timeline) > 0 {
		text, err := json.Marshal(o.Timeline)
		if err != nil {
			return nil, err
		}
		b = append(append(b, `,"timeline":`...), text...)
	}
	if o.Customer != nil {
		text, err := json.Marshal(o.Customer)
		if err != nil {
			return nil, err
		}
		b = append(append(b, `,"customer":`...), text...)
	}
	if o.Labels != nil {
		text, err := json.Marshal(o.Labels)
		if err != nil {
			return nil, err
		}
		b = append(append(b, `,"labels":`...), text...)
	}
	return append(b, '}'), nil
}

// tagBytes is room for most tags.
const tagBytes = 64

// tag is the order's entity tag. It changes with every event of the order and its payment. It changes with the erasure
// of its personal data as well, which no event of the order tells, and when later events can't be shown. The version of
// the API has one of its own, because it may show the order otherwise.
func (b *orderBody) tag(v version.Version) string {
	text := make([]byte, 0, tagBytes)
	text = strconv.AppendInt(append(text, `"o`...), b.Version, 10)
	text = strconv.AppendInt(append(text, ".p"...), b.PaymentVersion, 10)
	if b.personal.erased {
		text = append(text, ".erased"...)
	}
	if b.Parked() {
		text = append(text, ".parked"...)
	}
	return string(append(append(append(text, '.'), v...), '"'))
}

// findOrder returns an order that was ever accepted. When neither a view nor an event tells of it,
// its saga may have started a moment ago: what its memo says is provisional. Errors: not_found.
func (a *API) findOrder(ctx context.Context, id uuid.UUID, minVersion int64) (shown readmodel.Shown, provisional bool, err error) {
	if minVersion > 0 {
		shown, err = a.orders.OrderAt(ctx, id, minVersion)
	} else {
		shown, err = a.orders.Order(ctx, id)
	}
	if domain.Code(err) != domain.CodeNotFound {
		return shown, false, err
	}
	memo, err := a.sagas.OrderMemo(ctx, id)
	if domain.Code(err) == domain.CodeNotFound || err == nil && memo.Failed { // nothing is recorded: it was refused
		return readmodel.Shown{}, false, orderNotFound(id)
	}
	if err != nil {
		return readmodel.Shown{}, false, err
	}
	view := readmodel.NewOrderView(id)
	view.OrderNumber, view.CustomerID, view.Status = memo.OrderNumber, memo.CustomerID, order.StatusCreated
	view.Account, view.Channel = memo.Account, memo.Channel
	view.CreatedAt, view.UpdatedAt = memo.AcceptedAt, memo.AcceptedAt
	if view.Total, err = money.Parse(memo.Total, memo.Currency); err != nil {
		return readmodel.Shown{}, false, fmt.Errorf("read the total in the memo of order %s: %w", id, errors.Unwrap(err))
	}
	return view.Shown(), true, nil
}

// findView is [API.findOrder] for who needs fields of the order. Errors: not_found.
func (a *API) findView(ctx context.Context, id uuid.UUID) (readmodel.OrderView, error) {
	shown, _, err := a.findOrder(ctx, id, 0)
	if err != nil {
		return readmodel.OrderView{}, err
	}
	return shown.View()
}

// openRecipient shows the personal part of the order.
func (a *API) openRecipient(ctx context.Context, b *orderBody) (err error) {
	b.personalShown = true
	if b.personal, err = a.openPersonal(ctx, b.Personal); err != nil {
		return fmt.Errorf("open the personal part of order %s: %w", b.OrderID, err)
	}
	return nil
}

// expand adds what was asked for beside the order itself.
func (a *API) expand(ctx context.Context, x *httpx.Exchange, b *orderBody, what []string) error {
	for _, w := range what {
		switch w {
		case expandTimeline:
			var err error
			if b.Timeline, err = a.timeline(ctx, x, b.OrderID); err != nil {
				return err
			}
		case expandCustomer:
			if missing := access.ScopesOf(access.CustomersRead).Without(x.Caller.Scopes); missing != 0 {
				return httpx.Forbidden(x.Caller, missing)
			}
			v, err := b.View()
			if err != nil {
				return err
			}
			c, err := a.views.Customer(ctx, v.CustomerID)
			switch {
			case domain.Code(err) == domain.CodeNotFound: // the first order is not counted yet
			case err != nil:
				return fmt.Errorf("read the customer of order %s: %w", b.OrderID, err)
			default:
				b.Customer = withTotals(c)
			}
		case expandLabels:
			var err error
			if b.Labels, err = labelsOf(b.personal); err != nil {
				return err
			}
		}
	}
	return nil
}
