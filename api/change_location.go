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
		return a.withLocation(ctx, in, err)
	}
	replay(x, changed.Replayed)
	return x.JSON(http.StatusOK, bodyOfLocation(changed.Location))
}

// withLocation shows with a refusal the location that stands against the request, as it is now. An Idempotency-Key that
// was used before tells which one that is, and else the request does.
func (a *API) withLocation(ctx context.Context, asked workflows.LocationChange, refusal error) error {
	switch domain.Code(refusal) {
	case location.CodeLocationExists, domain.CodeIdempotencyKeyReused:
	default:
		return refusal
	}
	var reused *sagaclient.Reused
	if errors.As(refusal, &reused) {
		if before, ok := reused.Stands.(workflows.LocationChange); ok {
			asked = before
		}
	}
	p := asProblem(refusal)
	network, err := a.network(ctx)
	if err != nil {
		return p
	}
	if l, known := network.Location(asked.LocationID()); known {
		return p.Extend("location", bodyOfLocation(l))
	}
	return p
}

func noLocation(id string) error {
	return domain.Refuse(domain.CodeNotFound, "there is no location %q", domain.Clip(id))
}
