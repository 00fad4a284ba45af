package location

import (
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
)

// Events lists every event type of the network's stream, newest version of each.
var Events = []domain.Event{LocationAdded{}, LocationChanged{}, SKUBackordered{}, SKUBackorderEnded{}}

// LocationAdded says that goods may lie at a new location.
type LocationAdded struct {
	// RequestID is the id of the request that asked for it; zero for a location of the settings.
	RequestID uuid.UUID `json:"request_id"`
	Location  Location  `json:"location"`
	AddedAt   time.Time `json:"added_at"`
}

// LocationChanged says what a location is from now on. One that is not active takes no new reservations.
type LocationChanged struct {
	RequestID uuid.UUID `json:"request_id"`
	// Change is what was asked for, and Location what follows from it.
	Change    Change    `json:"change"`
	Location  Location  `json:"location"`
	ChangedAt time.Time `json:"changed_at"`
}

// SKUBackordered says that an order waits for a SKU for which nobody has waited before. What there is of it goes to
// those who wait, and to no other order.
type SKUBackordered struct {
	SKU           string    `json:"sku"`
	BackorderedAt time.Time `json:"backordered_at"`
}

// SKUBackorderEnded says that nobody waits for a SKU any more.
type SKUBackorderEnded struct {
	SKU     string    `json:"sku"`
	EndedAt time.Time `json:"ended_at"`
}

func (LocationAdded) EventType() string     { return "LocationAdded" }
func (LocationChanged) EventType() string   { return "LocationChanged" }
func (SKUBackordered) EventType() string    { return "SKUBackordered" }
func (SKUBackorderEnded) EventType() string { return "SKUBackorderEnded" }

func (LocationAdded) EventVersion() int     { return 1 }
func (LocationChanged) EventVersion() int   { return 1 }
func (SKUBackordered) EventVersion() int    { return 1 }
func (SKUBackorderEnded) EventVersion() int { return 1 }
