package client

import (
	"context"
	"net/http"
	"net/url"
)

// LocationAddress is where a location is, within its country. Each part may be empty.
type LocationAddress struct {
	Street string `json:"street,omitempty"`
	City   string `json:"city,omitempty"`
	State  string `json:"state,omitempty"`
	Zip    string `json:"zip,omitempty"`
}

// Location is a place where goods lie and leave from.
type Location struct {
	// ID is the name that orders and stock have for it. It never changes.
	ID   string `json:"id"`
	Name string `json:"name"`
	// Country is an ISO 3166-1 alpha-2 code.
	Country string          `json:"country"`
	Address LocationAddress `json:"address"`
	// Active is false for a location that takes no new reservations.
	Active bool `json:"active"`
	// Priority ranks the locations in and outside of the destination's country: the lowest number comes first.
	Priority int `json:"priority"`
}

// NewLocation is a location to be added. Without more it is active, and of priority 100.
type NewLocation struct {
	// ID has at most 32 of a-z, 0-9, - and _.
	ID       string           `json:"id"`
	Name     string           `json:"name"`
	Country  string           `json:"country"`
	Address  *LocationAddress `json:"address,omitempty"`
	Active   *bool            `json:"active,omitempty"`
	Priority *int             `json:"priority,omitempty"`
}

// LocationChange is what becomes another at a location. What is nil stays as it is.
type LocationChange struct {
	Name     *string          `json:"name,omitempty"`
	Country  *string          `json:"country,omitempty"`
	Address  *LocationAddress `json:"address,omitempty"`
	Active   *bool            `json:"active,omitempty"`
	Priority *int             `json:"priority,omitempty"`
}

// Locations is all locations, sorted by id.
type Locations struct {
	Locations []Location `json:"locations"`
}

// AddLocation adds a location. Errors: location_exists; too_many_locations.
func (c *Client) AddLocation(ctx context.Context, location NewLocation, options ...CallOption) (Location, error) {
	var added Location
	_, err := c.sendRequest(ctx, newRequest(http.MethodPost, "/api/v1/locations", location, options), into(&added))
	return added, err
}

// ChangeLocation changes a location and shows it. One that is not active any more takes no new reservation from then
// on. What is reserved there goes on. Errors: not_found.
func (c *Client) ChangeLocation(ctx context.Context, id string, change LocationChange, options ...CallOption) (Location, error) {
	var changed Location
	_, err := c.sendRequest(ctx, newRequest(http.MethodPost, "/api/v1/locations/"+url.PathEscape(id), change, options), into(&changed))
	return changed, err
}

// ListLocations shows all locations, active or not.
func (c *Client) ListLocations(ctx context.Context, options ...CallOption) (Locations, error) {
	var all Locations
	_, err := c.sendRequest(ctx, newRequest(http.MethodGet, "/api/v1/locations", nil, options), into(&all))
	return all, err
}

// GetLocation shows a location. Errors: not_found.
func (c *Client) GetLocation(ctx context.Context, id string, options ...CallOption) (Location, error) {
	var l Location
	_, err := c.sendRequest(ctx, newRequest(http.MethodGet, "/api/v1/locations/"+url.PathEscape(id), nil, options), into(&l))
	return l, err
}
