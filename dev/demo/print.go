package demo

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/orderloom/orderloom/client"
)

// printer writes for people.
type printer struct {
	out     io.Writer
	colour  bool
	sagaURL func(orderID string) string
}

// Marks of a terminal (ECMA-48).
const (
	bold  = "1"
	dim   = "2"
	red   = "31"
	green = "32"
)

func (p printer) mark(code, text string) string {
	if !p.colour {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func (p printer) line(format string, args ...any) { _, _ = fmt.Fprintf(p.out, format+"\n", args...) }

func (p printer) title(number int, s sample) {
	p.line("")
	p.line("%s  %s", p.mark(bold, fmt.Sprintf("%d  %s", number, s.name)), p.mark(dim, s.story))
}

func (p printer) result(r result) {
	p.line("   %s, %s, for %s", r.order.OrderNumber, r.order.Total, r.order.CustomerID)
	if p.sagaURL != nil {
		if url := p.sagaURL(r.order.OrderID.String()); url != "" {
			p.line("   %s", url)
		}
	}
	if len(r.timeline) > 0 {
		begun := r.timeline[0].OccurredAt
		for _, entry := range r.timeline {
			p.line("   %s  %-20s %s", p.mark(dim, since(begun, entry.OccurredAt)), entry.EventType, entry.Summary)
		}
	}
	for _, level := range r.levels {
		p.line("   %s %s", p.mark(dim, "stock  "), level)
	}
	if r.money != nil {
		p.money(*r.money)
	}
	for _, one := range r.invoices {
		p.line("   %s %-18s %8s  %s", p.mark(dim, "money  "), strings.ReplaceAll(string(one.Kind), "_", " "), one.Totals.Total.Amount, one.Number)
	}
	if len(r.differences) == 0 {
		p.line("   %s", p.mark(green, "✓ "+verdict(r.order)))
		return
	}
	for _, difference := range r.differences {
		p.line("   %s", p.mark(red, "✗ "+difference))
	}
}

// money shows where an order's money belongs, a row for each line and shipping line.
func (p printer) money(m client.OrderMoney) {
	row := func(name string, a client.MoneyAmounts) {
		p.line("   %s %-18s %8s %8s %8s %8s %8s %8s", p.mark(dim, "money  "), name, a.Gross.Amount, a.Discount.Amount, a.Tax.Amount,
			a.Payable.Amount, a.Refunded.Amount, a.Left.Amount)
	}
	p.line("   %s %-18s %8s %8s %8s %8s %8s %8s", p.mark(dim, "money  "), "in "+m.Currency, "gross", "discount", "tax", "payable", "refunded", "left")
	for _, r := range m.Rows {
		row(r.Name, r.MoneyAmounts)
	}
	row("total", m.Totals)
}

// since writes the time between two events: +0.012 s.
func since(begun, then time.Time) string { return fmt.Sprintf("%+7.3f s", then.Sub(begun).Seconds()) }

// verdict says in a line how an order stands.
func verdict(o client.Order) string {
	words := []string{"order " + string(o.Status)}
	if o.CancelReason != "" {
		words = append(words, "because of "+o.CancelReason)
	}
	words = append(words, "payment "+string(o.PaymentStatus))
	if o.Captured.Amount != "" && strings.Trim(o.Captured.Amount, "0.") != "" {
		words = append(words, o.Captured.String()+" taken")
	}
	switch shipments := deliveredShipments(o); shipments {
	case 0:
	case 1:
		words = append(words, "1 shipment delivered")
	default:
		words = append(words, fmt.Sprintf("%d shipments delivered", shipments))
	}
	return strings.Join(words, ", ")
}

func (p printer) earlier(orders []client.Order) {
	if len(orders) == 0 {
		return
	}
	p.line("")
	p.line("%s", p.mark(bold, "Earlier orders, the newest first"))
	for _, o := range orders {
		p.line("   %s  %s  %-22s  %12s  %s", o.OrderNumber, p.mark(dim, o.CreatedAt.Local().Format("2006-01-02 15:04:05")),
			string(o.Status)+" / "+string(o.PaymentStatus), o.Total, o.CustomerID)
	}
	if len(orders) == earlierMax {
		p.line("   … and perhaps more: GET /api/v1/orders has pages")
	}
}
