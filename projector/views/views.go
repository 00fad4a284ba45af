// Package views lists the projections of the platform.
//
// Each has a folder of its own, with the fold, the SQL and the verification of one view. A new view is a folder, a line
// in [All] and a migration that makes its tables; docs/add-a-view.md adds one step by step.
package views

import (
	"github.com/orderloom/orderloom/projector"
	"github.com/orderloom/orderloom/projector/views/figures"
	"github.com/orderloom/orderloom/projector/views/orders"
	"github.com/orderloom/orderloom/projector/views/payments"
	"github.com/orderloom/orderloom/projector/views/stock"
	"github.com/orderloom/orderloom/projector/views/timeline"
)

// All returns the projections of the platform. What they leave out is the index of contacts: see [Indexed].
func All() []projector.Projection { return With(Options{}) }

// Indexed returns the projections of the platform, which also index the contacts of orders; not with nil.
func Indexed(contacts orders.Contacts) []projector.Projection {
	return With(Options{Contacts: contacts})
}

// Options say what else the projections do.
type Options struct {
	// Contacts indexes the contacts of orders; nil leaves them out.
	Contacts orders.Contacts
	// Figures counts what happens to orders and stock; nil counts nothing.
	Figures *figures.Figures
}

// region list

// With returns the projections of the platform, which do this besides.
func With(o Options) []projector.Projection {
	return []projector.Projection{
		orders.View{Contacts: o.Contacts, Figures: o.Figures},
		payments.View{},
		stock.View{Figures: o.Figures},
		timeline.View{},
	}
}

// endregion
