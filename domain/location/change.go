package location

import (
	"regexp"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/inventory"
	"github.com/orderloom/orderloom/domain/order"
)

// Refusals.
const (
	// CodeUnknownLocation refuses stock at a location, or a change of one, that the network does not have.
	CodeUnknownLocation domain.ErrorCode = "unknown_location"
	// CodeLocationExists refuses to add a location under an id that another one has.
	CodeLocationExists domain.ErrorCode = "location_exists"
	// CodeTooManyLocations refuses to add more than [LocationsMax] locations.
	CodeTooManyLocations domain.ErrorCode = "too_many_locations"
)

// Seed adds the locations of the settings to a network that has none yet, as active ones. It returns no events for any
// other network: from then on the events decide.
func Seed(n Network, settings []inventory.Location, at time.Time) []domain.Event {
	if len(n.Locations) > 0 {
		return nil
	}
	var events []domain.Event
	for _, l := range settings {
		events = append(events, LocationAdded{
			Location: Location{ID: l.ID, Name: l.ID, Country: l.Country, Active: true, Priority: PriorityDefault}, AddedAt: at,
		})
	}
	return events
}

// AddLocation asks for a new location.
type AddLocation struct {
	RequestID uuid.UUID
	Location  Location
	At        time.Time
}

// Add adds a location. It returns no events for a request that was carried out before.
//
// Errors: as [Location.Validate]; location_exists; too_many_locations; idempotency_key_reused when another request was
// carried out under its id.
func Add(n Network, c AddLocation) ([]domain.Event, error) {
	if done, err := n.done(requestOf(c.RequestID, c.Location)); done || err != nil {
		return nil, err
	}
	if err := c.Location.Validate(); err != nil {
		return nil, err
	}
	if _, exists := n.Location(c.Location.ID); exists {
		return nil, domain.Refuse(CodeLocationExists, "there is a location %q already", c.Location.ID)
	}
	if len(n.Locations) >= LocationsMax {
		return nil, domain.Refuse(CodeTooManyLocations, "there are %d locations, the most there can be", LocationsMax)
	}
	return []domain.Event{LocationAdded{RequestID: c.RequestID, Location: c.Location, AddedAt: c.At}}, nil
}

// ChangeLocation asks to change a location. What is nil stays as it is.
type ChangeLocation struct {
	RequestID uuid.UUID
	ID        string
	Change    Change
	At        time.Time
}

// Change is what becomes another at a location. What is nil stays as it is.
type Change struct {
	Name     *string  `json:"name,omitempty"`
	Country  *string  `json:"country,omitempty"`
	Address  *Address `json:"address,omitempty"`
	Active   *bool    `json:"active,omitempty"`
	Priority *int     `json:"priority,omitempty"`
}

// Apply returns the location with the change.
func (c Change) Apply(l Location) Location {
	set(&l.Name, c.Name)
	set(&l.Country, c.Country)
	set(&l.Address, c.Address)
	set(&l.Active, c.Active)
	set(&l.Priority, c.Priority)
	return l
}

func set[T any](field *T, value *T) {
	if value != nil {
		*field = *value
	}
}

// Alter changes a location. It returns no events for a request that was carried out before, and for one that changes
// nothing.
//
// Errors: unknown_location; as [Location.Validate]; idempotency_key_reused when another request was carried out under
// its id.
func Alter(n Network, c ChangeLocation) ([]domain.Event, error) {
	if done, err := n.done(requestOf(c.RequestID, c.ID, c.Change)); done || err != nil {
		return nil, err
	}
	if err := n.Check(c.ID); err != nil {
		return nil, err
	}
	before, _ := n.Location(c.ID)
	after := c.Change.Apply(before)
	if err := after.Validate(); err != nil {
		return nil, err
	}
	if after == before {
		return nil, nil
	}
	return []domain.Event{LocationChanged{RequestID: c.RequestID, Change: c.Change, Location: after, ChangedAt: c.At}}, nil
}

// idForm is what ids of locations may look like: they become parts of other ids and of addresses.
var idForm = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,31}$`)

// ValidID reports whether a location may have this id: at most 32 of a-z, 0-9, - and _.
func ValidID(id string) bool { return idForm.MatchString(id) }

// Validate names everything that is wrong with a location, with the JSON name of each field, as [domain.Invalids].
func (l Location) Validate() error {
	var bad domain.Invalids
	if !ValidID(l.ID) {
		bad.Add("id", "has from 1 to 32 of a-z, 0-9, - and _, and begins with none of the last two")
	}
	bad.Required("name", l.Name, NameLengthMax)
	if !order.KnownCountry(l.Country) {
		bad.Add("country", "%q is not an ISO 3166-1 alpha-2 country code in upper case", domain.Clip(l.Country))
	}
	bad.Text("address.street", l.Address.Street, order.TextLengthMax)
	bad.Text("address.city", l.Address.City, order.TextLengthMax)
	bad.Text("address.state", l.Address.State, order.TextLengthMax)
	bad.Text("address.zip", l.Address.Zip, order.TextLengthMax)
	if l.Priority < 0 || l.Priority > PriorityMax {
		bad.Add("priority", "must be from 0 to %d, got %d", PriorityMax, l.Priority)
	}
	return bad.Err()
}
