// Package gateways is the list of the payment gateways that the platform can be told to use.
package gateways

import (
	"github.com/orderloom/orderloom/payments"
	"github.com/orderloom/orderloom/payments/sandbox"
	"github.com/orderloom/orderloom/payments/stripe"
)

// region list

// All is every payment gateway, in the order of the documentation. A new one is one line here;
// docs/add-a-gateway.md says what else it needs.
var All = payments.MustRegistry(
	sandbox.Provider,
	stripe.Provider,
)

// endregion
