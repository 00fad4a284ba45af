package orders

import (
	"bytes"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain/attention"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/projector"
	"github.com/orderloom/orderloom/readmodel"
)

// orderColumns holds rows of order_views column by column, which is how one statement takes many.
type orderColumns struct {
	ids                                                                  []uuid.UUID
	versions, paymentVersions                                            []int64
	created                                                              []*time.Time
	updated                                                              []time.Time
	numbers, customers, statuses, fulfillments, totals, currencies, skus []*string
	personalKeys, orderStates, paymentStates, attention                  []*string
	personal                                                             [][]byte
	paymentStatuses, captured, refunded, shown                           []string
	owed, disputed, disputesLost                                         []*string
	attentionSince                                                       []*time.Time
	unsettled                                                            []*bool
	references, channels, tags, parts, accounts                          []*string
	returnsDue                                                           []*time.Time
}

const (
	orderColumnNames = `order_id, version, payment_version, created_at, updated_at, order_number, customer_id, status, fulfillment_status,
		total_amount, currency, skus, shown, personal_key, personal_data, order_state, payment_state, payment_status, captured_amount,
		refunded_amount, attention, owed_amount, disputed_amount, disputes_lost_amount, attention_since, unsettled,
		external_reference, channel, tags, parts, returns_due, account`
	orderColumnCasts = `u.order_id, u.version, u.payment_version, u.created_at, u.updated_at, u.order_number, u.customer_id, u.status,
		u.fulfillment_status, u.total_amount::numeric, u.currency, u.skus::text[], u.shown::json, u.personal_key, u.personal_data, u.order_state::json,
		u.payment_state::json, u.payment_status, u.captured_amount::numeric, u.refunded_amount::numeric, u.attention::text[],
		u.owed_amount::numeric, u.disputed_amount::numeric, u.disputes_lost_amount::numeric,
		u.attention_since, u.unsettled, u.external_reference, u.channel, u.tags::text[], u.parts::text[],
		u.returns_due, u.account`
	orderColumnArrays = `unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::timestamptz[], $5::timestamptz[], $6::text[], $7::text[], $8::text[],
		$9::text[], $10::text[], $11::text[], $12::text[], $13::text[], $14::text[], $15::bytea[], $16::text[], $17::text[], $18::text[], $19::text[],
		$20::text[], $21::text[], $22::text[], $23::text[], $24::text[], $25::timestamptz[], $26::boolean[],
		$27::text[], $28::text[], $29::text[], $30::text[], $31::timestamptz[], $32::text[]) AS u(` + orderColumnNames + `)`
)

// orderTexts are the columns of a row that take some work to write; nil for NULL.
type orderTexts struct {
	shown                                       string
	skus, personalKey, orderState, paymentState *string
	// attention are the causes for which the order waits for a person; NULL for most orders.
	attention *string
	// tags and parts are NULL for none.
	tags, parts *string
}

func textsOf(v readmodel.OrderView) orderTexts {
	known, parts := v.Status != "", v.Parts()
	return orderTexts{
		shown:        string(v.Shown().JSON),
		skus:         text(known, func() string { return arrayText(skus(v.Items)) }),
		personalKey:  text(!v.Personal.IsZero(), func() string { return v.Personal.Key }),
		orderState:   text(known, func() string { return projector.MustText(v.OrderState()) }),
		attention:    text(len(v.Attention) > 0, func() string { return arrayText(attention.CausesOf(v.Attention)) }),
		tags:         text(len(v.Tags) > 0, func() string { return arrayText(v.Tags) }),
		parts:        text(len(parts) > 0, func() string { return arrayText(parts) }),
		paymentState: text(v.PaymentVersion > 0, func() string { return projector.MustText(v.PaymentState()) }),
	}
}

// text returns what comes from the order's stream, nil while that is unknown.
func text(known bool, s func() string) *string {
	if !known {
		return nil
	}
	t := s()
	return &t
}

func (c *orderColumns) add(v readmodel.OrderView, t orderTexts) {
	c.ids = append(c.ids, v.OrderID)
	c.versions, c.paymentVersions = append(c.versions, v.Version), append(c.paymentVersions, v.PaymentVersion)
	c.created, c.updated = append(c.created, projector.TimeOrNil(v.CreatedAt)), append(c.updated, v.UpdatedAt)
	known := v.Status != ""
	// An order whose first event was discarded has no number, as others may have none.
	c.numbers = append(c.numbers, text(known && v.OrderNumber != "", func() string { return v.OrderNumber }))
	c.customers = append(c.customers, text(known, func() string { return v.CustomerID }))
	c.statuses = append(c.statuses, text(known, func() string { return string(v.Status) }))
	c.fulfillments = append(c.fulfillments, text(known, func() string { return v.FulfillmentStatus }))
	c.totals = append(c.totals, text(known, func() string { return v.Total.Amount.String() }))
	c.currencies = append(c.currencies, text(known, func() string { return v.Total.Currency }))
	c.skus, c.shown = append(c.skus, t.skus), append(c.shown, t.shown)
	c.personalKeys, c.personal = append(c.personalKeys, t.personalKey), append(c.personal, v.Personal.Data)
	c.orderStates, c.paymentStates = append(c.orderStates, t.orderState), append(c.paymentStates, t.paymentState)
	c.attention = append(c.attention, t.attention)
	c.paymentStatuses = append(c.paymentStatuses, v.PaymentStatus)
	c.captured, c.refunded = append(c.captured, v.Captured.Amount.String()), append(c.refunded, v.Refunded.Amount.String())
	c.owed, c.disputed = append(c.owed, someText(v.Owed())), append(c.disputed, someText(v.InDispute()))
	c.disputesLost = append(c.disputesLost, someText(v.LostInDisputes()))
	c.attentionSince, c.unsettled = append(c.attentionSince, attentionSince(v)), append(c.unsettled, unsettled(v))
	c.references = append(c.references, text(v.ExternalReference != "", func() string { return v.ExternalReference }))
	c.channels = append(c.channels, text(v.Channel != "", func() string { return v.Channel }))
	c.accounts = append(c.accounts, text(v.Account != "", func() string { return v.Account }))
	c.tags, c.parts = append(c.tags, t.tags), append(c.parts, t.parts)
	c.returnsDue = append(c.returnsDue, projector.TimeOrNil(v.ReturnsDue()))
}

func (c *orderColumns) args() []any {
	return []any{
		c.ids, c.versions, c.paymentVersions, c.created, c.updated, c.numbers, c.customers, c.statuses, c.fulfillments, c.totals, c.currencies,
		c.skus, c.shown, c.personalKeys, c.personal, c.orderStates, c.paymentStates, c.paymentStatuses, c.captured, c.refunded, c.attention,
		c.owed, c.disputed, c.disputesLost, c.attentionSince, c.unsettled,
		c.references, c.channels, c.tags, c.parts, c.returnsDue, c.accounts,
	}
}

// attentionSince is since when the first of what the order waits for has waited; nil while it needs nobody.
func attentionSince(v readmodel.OrderView) (first *time.Time) {
	for i := range v.Attention {
		if at := &v.Attention[i].Since; first == nil || at.Before(*first) {
			first = at
		}
	}
	return first
}

// unsettled is true of an order that has ended and whose money has not; nil of all others.
func unsettled(v readmodel.OrderView) *bool {
	if !v.Status.Ended() || v.Settled {
		return nil
	}
	return new(true)
}

// someText returns an amount, nil for nothing, which it is of most orders.
func someText(m money.Money) *string { return text(!m.IsZero(), m.Amount.String) }

// skus returns the SKUs of the lines, each once, sorted.
func skus(items []order.Item) []string {
	all := make([]string, 0, len(items))
	for _, i := range items {
		all = append(all, i.SKU)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// arrayText returns an array literal of PostgreSQL, since an array of arrays of different lengths can't be
// passed.
func arrayText[S ~string](all []S) string {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, s := range all {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteByte('"')
		b.WriteString(arrayEscapes.Replace(string(s)))
		b.WriteByte('"')
	}
	b.WriteByte('}')
	return b.String()
}

var arrayEscapes = strings.NewReplacer(`\`, `\\`, `"`, `\"`)
