package order

import (
	"time"

	"github.com/google/uuid"
)

// ReturnRequested says that goods are to come back. Somebody decides on it.
type ReturnRequested struct {
	OrderID  uuid.UUID `json:"order_id"`
	ReturnID uuid.UUID `json:"return_id"`
	// RequestContent tells the request when it comes again under the return's id, see [Request].
	RequestContent uuid.UUID      `json:"request_content"`
	Lines          []ReturnPieces `json:"lines"`
	Reason         string         `json:"reason,omitempty"`
	// RequestedBy is "customer" or "operator".
	RequestedBy string `json:"requested_by"`
	// DecideBy is until when somebody should have decided; left out for no deadline.
	DecideBy    time.Time `json:"decide_by,omitzero"`
	RequestedAt time.Time `json:"requested_at"`
}

// ReturnApproved says that the goods of a return may come. They are expected until it expires.
type ReturnApproved struct {
	OrderID  uuid.UUID `json:"order_id"`
	ReturnID uuid.UUID `json:"return_id"`
	// Carrier and TrackingNumber are those of the label, if there is one.
	Carrier        string `json:"carrier,omitempty"`
	TrackingNumber string `json:"tracking_number,omitempty"`
	ApprovedBy     string `json:"approved_by"`
	// ExpiresAt is left out where the goods are waited for without end.
	ExpiresAt  time.Time `json:"expires_at,omitzero"`
	ApprovedAt time.Time `json:"approved_at"`
}

// ReturnRefused says that the shop does not take the goods of a return.
type ReturnRefused struct {
	OrderID   uuid.UUID `json:"order_id"`
	ReturnID  uuid.UUID `json:"return_id"`
	Reason    string    `json:"reason"`
	RefusedBy string    `json:"refused_by"`
	RefusedAt time.Time `json:"refused_at"`
}

// ReturnCancelled says that the goods of a return do not come after all.
type ReturnCancelled struct {
	OrderID  uuid.UUID `json:"order_id"`
	ReturnID uuid.UUID `json:"return_id"`
	Reason   string    `json:"reason,omitempty"`
	// CancelledBy is "customer" or "operator".
	CancelledBy string    `json:"cancelled_by"`
	CancelledAt time.Time `json:"cancelled_at"`
}

// ReturnExpired says that the goods of an approved return did not come in time. Its pieces may be returned otherwise.
type ReturnExpired struct {
	OrderID   uuid.UUID `json:"order_id"`
	ReturnID  uuid.UUID `json:"return_id"`
	ExpiredAt time.Time `json:"expired_at"`
}

// ReturnOverdue says that nobody had decided on a return by its deadline. It waits on.
type ReturnOverdue struct {
	OrderID    uuid.UUID `json:"order_id"`
	ReturnID   uuid.UUID `json:"return_id"`
	DeadlineAt time.Time `json:"deadline_at"`
}
