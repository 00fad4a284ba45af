package moneytest_test

import (
	"fmt"

	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/workflows"
)

func editable(_ *life, s sight) bool {
	return s.saga != nil && s.o.Status == order.StatusConfirmed && len(s.o.Items) > 0
}

// edit changes what the order holds before it leaves: the quantity of a line, often with another line beside. Sometimes
// the goods are not there.
func (l *life) edit(s sight) {
	r := workflows.EditRequest{RequestID: l.id(), RequestHash: "hash", Reason: "other_wish", By: order.ByCustomer}
	if line := pick(l, s.o.Items...); l.chance(0.7) {
		r.Lines = []order.LineQuantity{{LineID: line.LineID, Quantity: l.intN(line.Quantity + 3)}}
		l.bring(line.SKU)
	}
	if len(r.Lines) == 0 || l.chance(0.4) {
		price := money.FromMinorUnits(int64(10+l.intN(2_000)), l.setting.currency)
		r.Add = []order.Item{{ProductID: "prod", SKU: l.orderID.String()[:13] + "-new", Quantity: 1 + l.intN(2), UnitPrice: price}}
		l.bring(r.Add[0].SKU)
	}
	l.edits = append(l.edits, r)
	l.askForEdit(s, r)
}

// bring receives goods of a SKU, or does not.
func (l *life) bring(sku string) {
	if l.chance(0.8) {
		l.receive(place{sku, pick(l, "berlin", "reno")}, 1+l.intN(4))
	}
}

// editAgain repeats a request that was made before.
func (l *life) editAgain(s sight) { l.askForEdit(s, pick(l, l.edits...)) }

func (l *life) askForEdit(s sight, r workflows.EditRequest) {
	what := fmt.Sprintf("the order is edited (%s)", r.RequestID)
	for _, line := range r.Lines {
		what += fmt.Sprintf(", %d of %s", line.Quantity, line.LineID)
	}
	for _, item := range r.Add {
		what += fmt.Sprintf(", %d at %s come to it", item.Quantity, item.UnitPrice.Text())
	}
	l.ask(s, what, workflows.EditOrder, r)
}
