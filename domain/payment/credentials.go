package payment

import (
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
)

// GatewayCredentialsRefused says that the gateway refuses our credentials when it is asked about this payment. Nothing
// is answered until somebody mends them. It comes once, however often the gateway is asked meanwhile.
type GatewayCredentialsRefused struct {
	PaymentID uuid.UUID `json:"payment_id"`
	OrderID   uuid.UUID `json:"order_id"`
	RefusedAt time.Time `json:"refused_at"`
}

// GatewayCredentialsAccepted says that the gateway answers again.
type GatewayCredentialsAccepted struct {
	PaymentID  uuid.UUID `json:"payment_id"`
	OrderID    uuid.UUID `json:"order_id"`
	AcceptedAt time.Time `json:"accepted_at"`
}

// EventType implements [domain.Event].
func (GatewayCredentialsRefused) EventType() string { return "GatewayCredentialsRefused" }

// EventVersion implements [domain.Event].
func (GatewayCredentialsRefused) EventVersion() int { return 1 }

// EventType implements [domain.Event].
func (GatewayCredentialsAccepted) EventType() string { return "GatewayCredentialsAccepted" }

// EventVersion implements [domain.Event].
func (GatewayCredentialsAccepted) EventVersion() int { return 1 }

// Access is whether the gateway takes our credentials for a payment.
type Access struct {
	// Refusals counts the times from which on it refused them.
	Refusals int `json:"refusals,omitempty"`
	// RefusedAt is since when it refuses them; zero while it does not.
	RefusedAt time.Time `json:"refused_at,omitzero"`
}

// Refused reports whether the gateway refuses our credentials.
func (a Access) Refused() bool { return !a.RefusedAt.IsZero() }

// RefuseCredentials records that the gateway refuses our credentials. It returns no events when that is known.
func RefuseCredentials(p Payment, orderID uuid.UUID, at time.Time) []domain.Event {
	if p.Access.Refused() {
		return nil
	}
	return []domain.Event{GatewayCredentialsRefused{PaymentID: ID(orderID), OrderID: orderID, RefusedAt: at}}
}

// AcceptCredentials records that the gateway answers again. It returns no events when nothing else is known.
func AcceptCredentials(p Payment, orderID uuid.UUID, at time.Time) []domain.Event {
	if !p.Access.Refused() {
		return nil
	}
	return []domain.Event{GatewayCredentialsAccepted{PaymentID: ID(orderID), OrderID: orderID, AcceptedAt: at}}
}

// evolveAccess is [Evolve] for our credentials.
func evolveAccess(p Payment, e domain.Event) Payment {
	switch e := e.(type) {
	case GatewayCredentialsRefused:
		p.ID, p.OrderID = e.PaymentID, e.OrderID
		p.Access = Access{Refusals: p.Access.Refusals + 1, RefusedAt: e.RefusedAt}
	case GatewayCredentialsAccepted:
		p.Access.RefusedAt = time.Time{}
	case VoidResolved, RefundResolved:
		// A person has settled it, so that perhaps nobody asks the gateway any more. Whoever still does records it
		// again.
		p.Access.RefusedAt = time.Time{}
	}
	return p
}
