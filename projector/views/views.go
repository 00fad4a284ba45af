// Package views lists the projections of the platform.
//
// Each has a folder of its own, with the fold, the SQL and the verification of one view. A new view is a folder, a line
// in [All] and a migration that makes its tables; docs/projections.md adds one step by step.
package views

import (
	"github.com/orderloom/orderloom/projector"
	"github.com/orderloom/orderloom/projector/views/orders"
	"github.com/orderloom/orderloom/projector/views/payments"
	"github.com/orderloom/orderloom/projector/views/stock"
	"github.com/orderloom/orderloom/projector/views/timeline"
)

// region list

// All returns the projections of the platform. What they leave out is the index of contacts: see [Indexed].
func All() []projector.Projection { return Indexed(nil) }

// Indexed returns the projections of the platform, which also index the contacts of orders; not with nil.
func Indexed(contacts orders.Contacts) []projector.Projection {
	return []projector.Projection{
		orders.View{Contacts: contacts},
		payments.View{},
		stock.View{},
		timeline.View{},
	}
}

// endregion
