package readmodel

import (
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/account"
	"github.com/orderloom/orderloom/domain/attention"
	"github.com/orderloom/orderloom/domain/inventory"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/domain/pricing"
)

// OrderView is one row of order_views: an order with its payment and its shipments, as people read it. Its JSON is
// what the API shows. It is folded from two streams, the order's and its payment's, and keeps the version it has of
// each.
type OrderView struct {
	OrderID uuid.UUID `json:"order_id"`
	// Account has placed the order, and comes right behind its id: see [Shown.Owner]. Empty for an open API.
	Account     string       `json:"account,omitempty"`
	OrderNumber string       `json:"order_number"`
	CustomerID  string       `json:"customer_id"`
	Status      order.Status `json:"status"`
	// Settled is true once the order is finished, its money included: see [attention.Settled].
	Settled           bool         `json:"settled"`
	PaymentStatus     string       `json:"payment_status"`
	FulfillmentStatus string       `json:"fulfillment_status"`
	Total             money.Money  `json:"total"`
	Captured          money.Money  `json:"captured"`
	Refunded          money.Money  `json:"refunded"`
	Items             []order.Item `json:"items"`
	// ShippingLines, Discounts and Rounding are as the order was priced, without what was cancelled. Totals explain the
	// total; they are left out where it is just the prices of the items.
	ShippingLines []order.ShippingLine `json:"shipping_lines,omitempty"`
	Discounts     []order.Discount     `json:"discounts,omitempty"`
	Rounding      pricing.Rounding     `json:"rounding,omitzero"`
	Totals        *pricing.Totals      `json:"totals,omitempty"`
	Shipments     []order.Shipment     `json:"shipments"`
	order.References
	// NoteCount is how many internal notes the order has. Their text is sealed, and read for itself.
	NoteCount int `json:"note_count,omitempty"`
	// Refunds are those that are owed, asked for or made, oldest first.
	Refunds []payment.RefundSummary `json:"refunds,omitempty"`
	// RefundRest is what is owed in all and less than the gateway's step: the next refund takes it along.
	RefundRest *money.Money `json:"refund_rest,omitempty"`
	// Waived is what of the order's goods is never charged: it is less than the gateway captures, or never arrived.
	Waived *money.Money `json:"waived,omitempty"`
	// Hold is the money of a cancelled order that the gateway refuses to let go.
	Hold *payment.VoidFailure `json:"hold,omitempty"`
	// PaymentRequired is the money that the order waits for.
	PaymentRequired *payment.Requirement `json:"payment_required,omitempty"`
	// Disputes are the claims of the customer at the bank.
	Disputes []payment.Dispute `json:"disputes,omitempty"`
	// Attention is what of the order waits for a person.
	Attention []attention.Item `json:"attention,omitempty"`
	// Returns are those that were requested or came back, oldest first.
	Returns      []account.Returned `json:"returns,omitempty"`
	CancelReason string             `json:"cancel_reason,omitempty"`
	// CancelledBy is who wished the cancellation: the customer, an operator or the system.
	CancelledBy string `json:"cancelled_by,omitempty"`
	// ApprovedBy and RejectedBy are who has reviewed the order.
	ApprovedBy string `json:"approved_by,omitempty"`
	RejectedBy string `json:"rejected_by,omitempty"`
	// Held names the rule that asked for a review which nobody has made yet.
	Held string `json:"held,omitempty"`
	// Overdue is true while the order waits for its first shipment beyond the dispatch deadline.
	Overdue bool `json:"overdue,omitempty"`
	// PaymentActionURL is where the customer confirms the payment, while the bank and the order wait for that.
	PaymentActionURL string `json:"payment_action_url,omitempty"`
	ShipToCountry    string `json:"ship_to_country"`
	// Personal seals an [order.Recipient]; the API opens it, and shows null once it is erased.
	Personal  domain.Sealed `json:"-"`
	CreatedAt time.Time     `json:"created_at"`
	UpdatedAt time.Time     `json:"updated_at"`
	// Version is the last version of the order's stream in this view, PaymentVersion of the payment's.
	Version        int64 `json:"version"`
	PaymentVersion int64 `json:"payment_version"`
	// Parked are the streams, order or payment, with later events that the view can't show. An operator has to look.
	Parked []string `json:"parked,omitempty"`
	// DeliveredAt is when the last shipment arrived.
	DeliveredAt *time.Time `json:"delivered_at,omitempty"`

	// The states that the folds go on from.
	order   order.Order
	payment payment.Payment
}

// Owed is as in [payment.Payment]. The JSON of the view tells it refund by refund.
func (v OrderView) Owed() money.Money { return v.payment.Owed() }

// Waited reports whether the order's confirmation had to wait for others: a review, the customer's bank, or goods that
// it may wait for.
func (v OrderView) Waited() bool {
	return v.order.Held != "" || v.order.ApprovedBy != "" || v.order.Terms.AllowBackorder || !v.payment.RequiredAt.IsZero()
}

// InDispute is as in [payment.Payment]. The JSON of the view tells it dispute by dispute, as it does the next.
func (v OrderView) InDispute() money.Money { return v.payment.InDispute() }

// LostInDisputes is as in [payment.Payment].
func (v OrderView) LostInDisputes() money.Money { return v.payment.LostInDisputes() }

// ReturnsDue is as in [order.Order].
func (v OrderView) ReturnsDue() time.Time { return v.order.ReturnsDue() }

// PaymentView is one row of payment_views.
type PaymentView struct {
	payment.Payment
	UpdatedAt time.Time `json:"updated_at"`
	Version   int64     `json:"version"`
}

// CustomerSummary is one row of customer_summaries.
type CustomerSummary struct {
	CustomerID string `json:"customer_id"`
	Orders     int    `json:"orders"`
	Cancelled  int    `json:"cancelled"`
	Delivered  int    `json:"delivered"`
	// Totals sums what was ordered and not cancelled, one entry per currency, sorted by it.
	Totals []money.Money `json:"totals"`
	// Refunded is what went back to the customer, as in the orders: the gateway has paid it, or has accepted it and
	// pays later. This and the sums below are of cancelled orders too, one entry per currency as in Totals.
	Refunded []money.Money `json:"refunded"`
	// Owed is what is to go back besides: it is owed, or was asked for and has no answer.
	Owed []money.Money `json:"owed"`
	// Disputed is what the customer claims at the bank in disputes that are open.
	Disputed []money.Money `json:"disputed"`
	// DisputesLost is what the customer's bank has taken back for good. Refunded does not count it.
	DisputesLost []money.Money `json:"disputes_lost"`
	FirstOrderAt time.Time     `json:"first_order_at"`
	LastOrderAt  time.Time     `json:"last_order_at"`
}

// StockLevel is one row of stock_levels: a SKU at a location, or the queue of a SKU. That has no location.
type StockLevel struct {
	SKU       string `json:"sku"`
	Location  string `json:"location"`
	OnHand    int    `json:"on_hand"`
	Reserved  int    `json:"reserved"`
	Available int    `json:"available"`
	// Backordered is what those are owed who wait for goods of any location: of the row without a location.
	Backordered int                   `json:"-"`
	Backorders  []inventory.Backorder `json:"-"`
	UpdatedAt   time.Time             `json:"updated_at"`
	Version     int64                 `json:"version"`
}

// TimelineEntry is one row of order_timeline: a fact of any stream that concerns the order.
type TimelineEntry struct {
	Sequence      int64     `json:"sequence"`
	EventID       uuid.UUID `json:"event_id"`
	AggregateType string    `json:"aggregate_type"`
	AggregateID   uuid.UUID `json:"aggregate_id"`
	Version       int64     `json:"version"`
	EventType     string    `json:"event_type"`
	// Summary is one sentence for people, without personal data.
	Summary    string    `json:"summary"`
	OccurredAt time.Time `json:"occurred_at"`
	CausedBy   string    `json:"caused_by"`
	// Actor is who asked for it, as package actor writes it; empty for what happened by itself.
	Actor string `json:"actor,omitempty"`
}

// OrderQuery asks for a page of orders. The zero value asks for the newest [PageSizeDefault].
type OrderQuery struct {
	// Owner chooses orders that a caller may see; nil chooses all.
	Owner *Owner

	CustomerID    string
	Status        string
	PaymentStatus string
	SKU           string
	// Emails and Phones choose orders whose entry in the index of contacts has one of these MACs; nil chooses all.
	Emails, Phones [][]byte
	// Attention chooses orders that wait for a person, because of a cause or of [AttentionAny].
	Attention string
	// Settled chooses orders that are settled, or those that are not: see [OrderView.Settled]. Nil chooses both.
	Settled *bool
	// NumberPrefix is in any case.
	NumberPrefix string
	// FulfillmentStatus, ExternalReference and Channel are as orders have them; Tag is one of their tags.
	FulfillmentStatus string
	ExternalReference string
	Channel           string
	Tag               string
	CreatedFrom       time.Time // inclusive
	CreatedTo         time.Time // exclusive
	// UpdatedSince chooses orders that have changed at this time or later.
	UpdatedSince time.Time
	// Currency chooses orders in one currency. TotalMin and TotalMax choose theirs, which is the same.
	Currency string
	TotalMin *money.Money
	TotalMax *money.Money
	// Sort is "created_at", "-created_at" (the default), "updated_at", "-updated_at", "total" or "-total". By total
	// needs one currency.
	Sort string
	// Cursor is the NextCursor of the page before; empty for the first page.
	Cursor string
	// Limit is from 1 to [PageSizeMax]; 0 is [PageSizeDefault].
	Limit int
	// Personal asks for the sealed personal sections, which most lists have no use for.
	Personal bool `json:",omitempty"`
}

// AttentionAny chooses orders that wait for a person, whatever the cause.
const AttentionAny = "any"

// Page sizes of lists.
const (
	PageSizeDefault = 20
	PageSizeMax     = 100
)

// OrderPage is a page of orders.
type OrderPage struct {
	Orders []Shown
	// NextCursor is empty on the last page.
	NextCursor string
}
