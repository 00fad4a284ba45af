package api

import (
	"context"
	"net/http"

	"github.com/orderloom/orderloom/api/httpx"
	"github.com/orderloom/orderloom/domain/location"
	"github.com/orderloom/orderloom/workflows"
)

// newLocation is the body of POST /api/v1/locations.
type newLocation struct {
	ID       string            `json:"id"`
	Name     string            `json:"name"`
	Country  string            `json:"country"`
	Address  *location.Address `json:"address"`
	Active   *bool             `json:"active"`
	Priority *int              `json:"priority"`
}

// Check names what the domain finds wrong.
func (r *newLocation) Check() error { return r.location().Validate() }

// location is what is asked for. It is active, and of the usual priority, unless the request says otherwise.
func (r *newLocation) location() location.Location {
	l := location.Location{ID: r.ID, Name: r.Name, Country: r.Country, Active: true, Priority: location.PriorityDefault}
	return location.Change{Address: r.Address, Active: r.Active, Priority: r.Priority}.Apply(l)
}

// request is what is asked of the warehouse.
func (r *newLocation) request() workflows.LocationChange {
	add := r.location()
	return workflows.LocationChange{Add: &add}
}

// addLocation adds a location: POST /api/v1/locations. With an Idempotency-Key it may be repeated.
func (a *API) addLocation(ctx context.Context, x *httpx.Exchange, r *newLocation) error {
	in := r.request()
	in.RequestID = x.KeyedID(locationNamespace)
	added, err := a.warehouse.ChangeLocation(ctx, in)
	if err != nil {
		return a.withLocation(ctx, in, err)
	}
	replay(x, added.Replayed)
	x.Writer.Header().Set("Location", "/api/v1/locations/"+added.Location.ID)
	return x.JSON(http.StatusCreated, bodyOfLocation(added.Location))
}
