package location

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/inventory"
)

// Limits of the network and of what is told of a location.
const (
	LocationsMax  = 100
	NameLengthMax = 100 // characters
	PriorityMax   = 1000
	// PriorityDefault leaves room before and after it.
	PriorityDefault = 100
	// RequestsMax is how many requests the network remembers, oldest forgotten first.
	RequestsMax = 1000
)

// Location is a place where goods lie and leave from.
type Location struct {
	// ID is the name that orders and stock have for it, such as "berlin". It never changes.
	ID   string `json:"id"`
	Name string `json:"name"`
	// Country is an ISO 3166-1 alpha-2 code.
	Country string  `json:"country"`
	Address Address `json:"address,omitzero"`
	// Active is false for a location that takes no new reservations. What is reserved there goes on.
	Active bool `json:"active"`
	// Priority ranks the locations in and outside of the destination's country: the lowest number comes first.
	Priority int `json:"priority"`
}

// Address is where a location is. It is of a business and no personal data.
type Address struct {
	Street string `json:"street,omitempty"`
	City   string `json:"city,omitempty"`
	State  string `json:"state,omitempty"`
	Zip    string `json:"zip,omitempty"`
}

// Network is the state of all locations, and of what orders wait for. The zero value has none.
type Network struct {
	// Locations are sorted by id.
	Locations []Location `json:"locations"`
	// Backordered are the SKUs that orders wait for.
	Backordered map[string]bool `json:"backordered,omitempty"`
	// Requests are those that were carried out.
	Requests []Request `json:"requests,omitempty"`
}

// Request is one that was carried out. Content tells it from another one under the same id.
type Request struct {
	ID      uuid.UUID `json:"id"`
	Content uuid.UUID `json:"content"`
}

// NetworkID is the id of the one network: the UUIDv5 of the DNS name "network.orderloom".
var NetworkID = uuid.NewSHA1(uuid.NameSpaceDNS, []byte("network.orderloom"))

// Location returns the location with this id.
func (n Network) Location(id string) (Location, bool) {
	if i, found := n.find(id); found {
		return n.Locations[i], true
	}
	return Location{}, false
}

// Check refuses a location that is not in the network. Error: unknown_location.
func (n Network) Check(id string) error {
	if _, found := n.find(id); found {
		return nil
	}
	refusal := domain.Refuse(CodeUnknownLocation, "there is no location %q", domain.Clip(id))
	refusal.Field = "location"
	return refusal
}

// CarriedOut reports whether a request under this id was carried out before.
func (n Network) CarriedOut(requestID uuid.UUID) bool {
	return requestID != uuid.Nil && slices.ContainsFunc(n.Requests, func(r Request) bool { return r.ID == requestID })
}

// IDs returns the ids of all locations, active or not, sorted.
func (n Network) IDs() []string {
	ids := make([]string, len(n.Locations))
	for i, l := range n.Locations {
		ids[i] = l.ID
	}
	return ids
}

// Active returns the locations that take new reservations, sorted by id.
func (n Network) Active() []inventory.Location {
	active := make([]inventory.Location, 0, len(n.Locations))
	for _, l := range n.Locations {
		if l.Active {
			active = append(active, inventory.Location{ID: l.ID, Country: l.Country, Priority: l.Priority})
		}
	}
	return active
}

// Available returns how many pieces of a SKU may be reserved at a location, where look tells what is unreserved there.
// There are none of a SKU that orders wait for: they get what comes.
func (n Network) Available(look func(sku, location string) int) func(sku, location string) int {
	return func(sku, location string) int {
		if n.Backordered[sku] {
			return 0
		}
		return look(sku, location)
	}
}

// BackorderedSKUs returns the SKUs that orders wait for, sorted.
func (n Network) BackorderedSKUs() []string { return slices.Sorted(maps.Keys(n.Backordered)) }

// Backorder records whether orders wait for a SKU. It returns no events when that is known.
func Backorder(n Network, sku string, waiting bool, at time.Time) []domain.Event {
	switch {
	case n.Backordered[sku] == waiting:
		return nil
	case waiting:
		return []domain.Event{SKUBackordered{SKU: sku, BackorderedAt: at}}
	default:
		return []domain.Event{SKUBackorderEnded{SKU: sku, EndedAt: at}}
	}
}

// Evolve returns the network after the event, changing the map of n in place. Unknown events change nothing.
func Evolve(n Network, e domain.Event) Network {
	switch e := e.(type) {
	case LocationAdded:
		return n.with(e.Location, requestOf(e.RequestID, e.Location))
	case LocationChanged:
		return n.with(e.Location, requestOf(e.RequestID, e.Location.ID, e.Change))
	case SKUBackordered:
		if n.Backordered == nil {
			n.Backordered = map[string]bool{}
		}
		n.Backordered[e.SKU] = true
	case SKUBackorderEnded:
		delete(n.Backordered, e.SKU)
	}
	return n
}

// Clone returns a copy that shares nothing which [Evolve] changes.
func (n Network) Clone() Network {
	n.Backordered = maps.Clone(n.Backordered)
	return n
}

func (n Network) with(l Location, r Request) Network {
	n.Locations = slices.Clone(n.Locations)
	if i, found := n.find(l.ID); found {
		n.Locations[i] = l
	} else {
		n.Locations = slices.Insert(n.Locations, i, l)
	}
	if r.ID != uuid.Nil {
		n.Requests = append(slices.Clone(n.Requests[max(0, len(n.Requests)-RequestsMax+1):]), r)
	}
	return n
}

func (n Network) find(id string) (int, bool) {
	return slices.BinarySearchFunc(n.Locations, id, func(l Location, id string) int { return cmp.Compare(l.ID, id) })
}

// requestOf is a request that asks for this.
func requestOf(id uuid.UUID, content ...any) Request {
	text, err := json.Marshal(content)
	if err != nil {
		panic(err) // texts and numbers have JSON
	}
	return Request{ID: id, Content: domain.DerivedID(id, string(text))}
}

// done reports whether a request was carried out. Error: idempotency_key_reused when another one was, under its id.
func (n Network) done(r Request) (bool, error) {
	i := slices.IndexFunc(n.Requests, func(before Request) bool { return before.ID == r.ID })
	switch {
	case r.ID == uuid.Nil || i < 0:
		return false, nil
	case n.Requests[i].Content != r.Content:
		return false, domain.Refuse(domain.CodeIdempotencyKeyReused, "request %s was another one", r.ID)
	}
	return true, nil
}
