package api

import (
	"context"
	"fmt"
	"net/http"

	"github.com/orderloom/orderloom/api/httpx"
	"github.com/orderloom/orderloom/domain/location"
)

// getLocations shows all locations by their events: GET /api/v1/locations. So it shows what a request before it has
// changed.
func (a *API) getLocations(ctx context.Context, x *httpx.Exchange) error {
	network, err := a.network(ctx)
	if err != nil {
		return err
	}
	body := locationsBody{Locations: make([]locationBody, len(network.Locations))}
	for i, l := range network.Locations {
		body.Locations[i] = bodyOfLocation(l)
	}
	x.Writer.Header().Set("Cache-Control", "private, no-cache")
	return x.JSON(http.StatusOK, &body)
}

// getLocation shows one location: GET /api/v1/locations/{location_id}.
func (a *API) getLocation(ctx context.Context, x *httpx.Exchange) error {
	network, err := a.network(ctx)
	if err != nil {
		return err
	}
	l, found := network.Location(x.Param("location_id"))
	if !found {
		return noLocation(x.Param("location_id"))
	}
	x.Writer.Header().Set("Cache-Control", "private, no-cache")
	return x.JSON(http.StatusOK, bodyOfLocation(l))
}

func (a *API) network(ctx context.Context) (location.Network, error) {
	network, err := a.history.Network(ctx)
	if err != nil {
		return network, fmt.Errorf("read the locations: %w", err)
	}
	return network, nil
}

type locationsBody struct {
	Locations []locationBody `json:"locations"`
}

// locationBody is a location as it is shown. Its address is empty where none is known.
type locationBody struct {
	ID       string           `json:"id"`
	Name     string           `json:"name"`
	Country  string           `json:"country"`
	Address  location.Address `json:"address"`
	Active   bool             `json:"active"`
	Priority int              `json:"priority"`
}

func bodyOfLocation(l location.Location) locationBody { return locationBody(l) }
