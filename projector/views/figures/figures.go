// Package figures counts what the business asks about, as the events are applied to the live views.
//
// A batch of a view notes what its events mean, and counts it once its transaction has committed. So an event counts
// once: one that comes again changes no view, and a rebuild counts nothing. What was committed by a process that ended
// at that moment is not counted, and a restart begins at 0. Prometheus's increase() understands restarts. A sum over
// all processes is the platform's figure. docs/adr/0048 has the reasons.
package figures

import (
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/inventory"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/prometheus/client_golang/prometheus"
)

// channelsMax bounds the channels that have figures of their own in a process. Shops choose their names, and each name
// costs a time series for each status.
const channelsMax = 20

// Channels that no shop has named: of orders without one, and of those beyond the bound.
const (
	ChannelNone  = "none"
	ChannelOther = "other"
)

// reasonOther stands for the words of a caller, which are not bounded.
const reasonOther = "other"

// Steps that compensations undo.
const (
	stepVoid    = "void"
	stepRefund  = "refund"
	stepRelease = "release"
)

// Outcomes of a lack of goods.
const (
	outcomeBackordered = "backordered"
	outcomeCancelled   = "cancelled"
)

// Figures are the metrics. They are safe for concurrent use. A nil one counts nothing.
type Figures struct {
	orders, cancelled, compensations, stockOuts *prometheus.CounterVec
	confirmed                                   *prometheus.HistogramVec
	shipped                                     prometheus.Histogram

	mu       sync.Mutex
	channels map[string]bool
}

// New returns figures that are shown to r. What is known beforehand begins with 0, because Prometheus sees no increase
// in a series that begins with 1.
func New(r prometheus.Registerer) *Figures {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	}
	const hour, day = 3600.0, 24 * 3600.0
	f := &Figures{
		orders:        counter("orderloom_orders_total", "Orders that came to a status, by the channel that they were placed in.", "status", "channel"),
		cancelled:     counter("orderloom_orders_cancelled_total", "Orders that were cancelled, by reason; other is a reason in somebody's own words.", "reason"),
		compensations: counter("orderloom_compensations_total", "What sagas have undone: payments voided, refunds owed, stock released.", "step", "reason"),
		stockOuts:     counter("orderloom_stock_outs_total", "Goods that were not there: lines that began to wait, and orders cancelled for it.", "outcome"),
		confirmed: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "orderloom_order_confirmed_seconds",
			Help:    "From the placing of an order to its confirmation, by the times of the events. The label waited is yes where a review, a bank or goods had a say.",
			Buckets: []float64{.05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, hour, day},
		}, []string{"waited"}),
		shipped: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "orderloom_order_shipped_seconds", Help: "From the placing of an order to the leaving of its first shipment, by the times of the events.",
			Buckets: []float64{60, 600, hour, 4 * hour, 12 * hour, day, 2 * day, 3 * day, 5 * day, 7 * day, 14 * day},
		}),
		channels: map[string]bool{},
	}
	for _, status := range statuses {
		f.orders.WithLabelValues(string(status), ChannelNone)
	}
	for _, waited := range []string{"no", "yes"} {
		f.confirmed.WithLabelValues(waited)
	}
	for _, outcome := range []string{outcomeBackordered, outcomeCancelled} {
		f.stockOuts.WithLabelValues(outcome)
	}
	for _, reason := range append([]string{reasonOther}, reasons...) {
		f.cancelled.WithLabelValues(reason)
		for _, step := range []string{stepVoid, stepRefund, stepRelease} {
			f.compensations.WithLabelValues(step, reason)
		}
	}
	r.MustRegister(f.orders, f.cancelled, f.compensations, f.stockOuts, f.confirmed, f.shipped)
	return f
}

var statuses = []order.Status{order.StatusCreated, order.StatusConfirmed, order.StatusShipped, order.StatusDelivered, order.StatusCancelled}

// Noted is what a batch has to count once it is committed. The zero value is ready. It belongs to one batch.
type Noted struct {
	moves  []Move
	events []domain.Event
}

// Move is an order that has come to a status, so long after it was placed.
type Move struct {
	To      order.Status
	Channel string
	After   time.Duration
	// Waited is true where somebody else had a say in that.
	Waited bool
}

// Status notes that an order has come to a status.
func (n *Noted) Status(m Move) { n.moves = append(n.moves, m) }

// Event notes an event, which is one of those that have a figure or is left out.
func (n *Noted) Event(e domain.Event) {
	switch e.(type) {
	case order.OrderCancelled, payment.PaymentVoided, payment.RefundOwed,
		inventory.StockReleased, inventory.StockReservationReduced, inventory.StockBackordered:
		n.events = append(n.events, e)
	}
}

// Count counts what was noted. It may be called once for each batch, after its commit.
func (f *Figures) Count(n Noted) {
	if f == nil {
		return
	}
	for _, m := range n.moves {
		f.orders.WithLabelValues(string(m.To), f.channel(m.Channel)).Inc()
		switch m.To {
		case order.StatusConfirmed:
			waited := "no"
			if m.Waited {
				waited = "yes"
			}
			f.confirmed.WithLabelValues(waited).Observe(m.After.Seconds())
		case order.StatusShipped:
			f.shipped.Observe(m.After.Seconds())
		}
	}
	for _, e := range n.events {
		f.count(e)
	}
}

func (f *Figures) count(e domain.Event) {
	switch e := e.(type) {
	case order.OrderCancelled:
		f.cancelled.WithLabelValues(bounded(e.Reason)).Inc()
		if e.Reason == order.ReasonOutOfStock || e.Reason == order.ReasonStockDeadline {
			f.stockOuts.WithLabelValues(outcomeCancelled).Inc()
		}
	case payment.PaymentVoided:
		f.compensations.WithLabelValues(stepVoid, bounded(e.Reason)).Inc()
	case payment.RefundOwed:
		f.compensations.WithLabelValues(stepRefund, bounded(e.Reason)).Inc()
	case inventory.StockReleased:
		if e.Quantity > 0 { // otherwise it keeps a late reservation away
			f.compensations.WithLabelValues(stepRelease, bounded(e.Reason)).Inc()
		}
	case inventory.StockReservationReduced:
		f.compensations.WithLabelValues(stepRelease, bounded(e.Reason)).Inc()
	case inventory.StockBackordered:
		f.stockOuts.WithLabelValues(outcomeBackordered).Inc()
	}
}

// channel is the label of a channel: the first ones that come have their own.
func (f *Figures) channel(name string) string {
	if name == "" {
		return ChannelNone
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.channels[name] {
		if len(f.channels) >= channelsMax {
			return ChannelOther
		}
		f.channels[name] = true
		for _, status := range statuses {
			f.orders.WithLabelValues(string(status), strings.ToValidUTF8(name, "?"))
		}
	}
	return strings.ToValidUTF8(name, "?")
}

// reasons are those that the platform itself gives.
var reasons = []string{
	order.ReasonOutOfStock, order.ReasonPaymentDeclined, order.ReasonPaymentDeadline, order.ReasonCustomerRequest, order.ReasonStockDeadline,
	order.ReasonReviewDeadline, order.ReasonReviewRejected, order.ReasonUndeliverable, order.ReasonSystemError,
	payment.ReasonReturn, payment.ReasonShipmentLost, payment.ReasonShipmentRefused, payment.ReasonShipmentCancelled, payment.ReasonCapturedInExcess,
	"order_cancelled", "lines_cancelled", "edit_declined", "payment_not_secured", "authorised_too_late", "let_go_at_the_gateway",
}

func bounded(reason string) string {
	if slices.Contains(reasons, reason) {
		return reason
	}
	return reasonOther
}
