package api

import (
	"context"
	"errors"
	"net/http"

	"github.com/orderloom/orderloom/api/httpx"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/location"
	"github.com/orderloom/orderloom/sagaclient"
	"github.com/orderloom/orderloom/workflows"
)

// locationChange is the body of POST /api/v1/locations/{location_id}. What it leaves out stays as it is.
type locationChange struct {
	Name     *string           `json:"name"`
	Country  *string           `json:"country"`
	Address  *location.Address `json:"address"`
	Active   *bool             `json:"active"`
	Priority *int              `json:"priority"`
}

// Check names what the domain finds wrong. What is not asked for is not wrong.
func (r *locationChange) Check() error {
	return r.change().Apply(location.Location{ID: "x", Name: "x", Country: "DE"}).Validate()
}

func (r *locationChange) change() location.Change {
	return location.Change{Name: r.Name, Country: r.Country, Address: r.Address, Active: r.Active, Priority: r.Priority}
}

// changeLocation changes a location: POST /api/v1/locations/{location_id}. With an Idempotency-Key it may be repeated.
//
// Once it has answered that a location is not active, no process reserves goods there.
func (a *API) changeLocation(ctx context.Context, x *httpx.Exchange, r *locationChange) error {
	in := workflows.LocationChange{RequestID: x.KeyedID(locationChangeNamespace), ID: x.Param("location_id"), Change: r.change()}
	changed, err := a.warehouse.ChangeLocation(ctx, in)
	if domain.Code(err) == location.CodeUnknownLocation {
		return noLocation(in.ID)
	}
	if err != nil {
		return a.withLocation(ctx, err, in)
	}
	replay(x, changed.Replayed)
	return x.JSON(http.StatusOK, bodyOfLocation(changed.Location))
}

// withLocation adds to the refusal of a key that belongs to another request the location that stands. It is the one
// that the key has added or changed, as it is now.
func (a *API) withLocation(ctx context.Context, err error, asked workflows.LocationChange) error {
	if domain.Code(err) != domain.CodeIdempotencyKeyReused {
		return err
	}
	var reused *sagaclient.Reused
	if errors.As(err, &reused) {
		asked, _ = reused.Stands.(workflows.LocationChange)
	}
	id := asked.ID
	if asked.Add != nil {
		id = asked.Add.ID
	}
	p := asProblem(err)
	if network, networkErr := a.network(ctx); networkErr == nil {
		if l, found := network.Location(id); found {
			return p.Extend("location", bodyOfLocation(l))
		}
	}
	return p
}

func noLocation(id string) error {
	return domain.Refuse(domain.CodeNotFound, "there is no location %q", domain.Clip(id))
}
