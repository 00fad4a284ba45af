package workflows_test

import (
	"testing"
	"time"

	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/workflows"
)

// editScenarios are the paths of orders that are edited before anything leaves.
var editScenarios = []scenario{
	{
		name: "edited for more money", stock: map[string]int{"A@berlin": 5, "B@reno": 5}, token: "tok_approve",
		items: []order.Item{item("A", 2, "10.00")}, input: keepMethod,
		world: func(_ *testing.T, p *platform) {
			p.editAt(hour, workflows.EditRequest{Add: []order.Item{item("B", 1, "30.00")}, Lines: []order.LineQuantity{{SKU: "A", Quantity: 1}}})
			p.dispatchAt(2*hour, "berlin")
			p.dispatchAt(3*hour, "reno")
			p.reportAt(4*hour, workflows.ShipmentDelivered, "reno")
			p.reportAt(5*hour, workflows.ShipmentDelivered, "berlin")
		},
		want: "delivered", books: "40.00, 0.00, 0.00",
	},
	{
		name: "edited for less money", stock: map[string]int{"A@berlin": 5, "B@reno": 5}, token: "tok_approve",
		items: []order.Item{item("A", 2, "10.00")},
		world: func(_ *testing.T, p *platform) {
			p.editAt(hour, workflows.EditRequest{Add: []order.Item{item("B", 1, "7.50")}, Lines: []order.LineQuantity{{SKU: "A", Quantity: 0}}})
			p.dispatchAt(2*hour, "reno")
			p.reportAt(3*hour, workflows.ShipmentDelivered, "reno")
		},
		want: "delivered", books: "7.50, 0.00, 0.00",
	},
	{
		name: "edit declined", stock: map[string]int{"A@berlin": 5}, token: "tok_require_action",
		items: []order.Item{item("A", 1, "10.00")}, input: keepMethod,
		world: func(t *testing.T, p *platform) {
			p.bankAt(t, 10*time.Minute, true)
			p.editAt(hour, workflows.EditRequest{Lines: []order.LineQuantity{{SKU: "A", Quantity: 3}}})
			p.dispatchAt(2*hour, "berlin")
			p.reportAt(3*hour, workflows.ShipmentDelivered, "berlin")
		},
		want: "delivered", books: "10.00, 0.00, 0.00",
	},
}

// editAt edits the order, by the same request whenever it is made.
func (p *platform) editAt(after time.Duration, r workflows.EditRequest) *answer {
	r.RequestID, r.RequestHash, r.Reason, r.By = domain.DerivedID(p.orderID, "edit"), "edit", "changed_my_mind", order.ByCustomer
	return p.ask(after, workflows.EditOrder, r)
}
