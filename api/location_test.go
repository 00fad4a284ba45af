package api

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/location"
	"github.com/orderloom/orderloom/readmodel"
	"github.com/orderloom/orderloom/sagaclient"
	"github.com/orderloom/orderloom/workflows"
	"github.com/stretchr/testify/require"
)

const (
	locationsPath = "/api/v1/locations"
	goodLocation  = `{"id": "oslo", "name": "Oslo, harbour", "country": "NO", "address": {"city": "Oslo"}, "priority": 5}`
)

func TestALocationIsAddedChangedAndShown(t *testing.T) {
	t.Parallel()
	b := setup(t)
	require.Equal(t, []any{}, b.get(t, locationsPath).object(t)["locations"])
	added := b.post(t, locationsPath, goodLocation, "Idempotency-Key", "k")
	require.Equal(t, http.StatusCreated, added.status, added.body)
	require.Equal(t, "/api/v1/locations/oslo", added.header.Get("Location"))
	require.Empty(t, added.header.Get("Idempotent-Replayed"))
	again := b.post(t, locationsPath, goodLocation, "Idempotency-Key", "k")
	require.Equal(t, added.body, again.body)
	require.Equal(t, "true", again.header.Get("Idempotent-Replayed"))
	require.Equal(t, b.relocated[0], b.relocated[1])
	want := map[string]any{
		"id": "oslo", "name": "Oslo, harbour", "country": "NO", "address": map[string]any{"city": "Oslo"}, "active": true, "priority": 5.0,
	}
	require.Equal(t, want, b.get(t, locationsPath+"/oslo").object(t))
	require.Equal(t, []any{want}, b.get(t, locationsPath).object(t)["locations"])

	closed := b.post(t, locationsPath+"/oslo", `{"active": false, "priority": 0}`)
	require.Equal(t, http.StatusOK, closed.status, closed.body)
	want["active"], want["priority"] = false, 0.0
	require.Equal(t, want, closed.object(t))
	require.Equal(t, want, b.get(t, locationsPath+"/oslo").object(t))
}

func TestWhatALocationIsUnlessTheRequestSaysOtherwise(t *testing.T) {
	t.Parallel()
	b := setup(t)
	body := b.post(t, locationsPath, `{"id": "oslo", "name": "Oslo", "country": "NO"}`).object(t)
	require.Equal(t, true, body["active"])
	require.EqualValues(t, location.PriorityDefault, body["priority"])
	require.Equal(t, map[string]any{}, body["address"])
}

func TestLocationsRefuse(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for body, fields := range map[string][]string{
		`{}`: {"body:id", "body:name", "body:country"},
		`{"id": "Os lo", "name": " ", "country": "XX"}`:                               {"body:id", "body:name", "body:country"},
		`{"id": "oslo", "name": "a", "country": "NO", "priority": 1001, "x": 1}`:      {"body:priority", "body:x"},
		`{"id": "oslo", "name": "a", "country": "NO", "address": {"city": "\u0000"}}`: {"body:address.city"},
	} {
		t.Run(domain.Clip(body), func(t *testing.T) {
			require.ElementsMatch(t, fields, b.post(t, locationsPath, body).problem(t, http.StatusUnprocessableEntity, codeInvalid).fields())
		})
	}
	require.Equal(t, []string{"body:country"}, b.post(t, locationsPath+"/oslo", `{"country": "XX"}`).problem(t, http.StatusUnprocessableEntity, codeInvalid).fields())
	require.True(t, b.untouched())
	b.get(t, locationsPath+"/oslo").problem(t, http.StatusNotFound, codeNotFound)
	b.post(t, locationsPath+"/oslo", `{"active": true}`).problem(t, http.StatusNotFound, codeNotFound)
	b.post(t, locationsPath, goodLocation)
	b.post(t, locationsPath, goodLocation).problem(t, http.StatusConflict, location.CodeLocationExists)
	b.stockErr = domain.Refuse(location.CodeTooManyLocations, "enough")
	b.post(t, locationsPath, goodLocation).problem(t, http.StatusConflict, location.CodeTooManyLocations)
	b.stockErr = sagaclient.ErrUnavailable
	b.post(t, locationsPath+"/oslo", `{"active": true}`).problem(t, http.StatusServiceUnavailable, codeUnavailable)
	b.netErr = errAway
	b.get(t, locationsPath).problem(t, http.StatusServiceUnavailable, codeUnavailable)
	b.get(t, locationsPath+"/oslo").problem(t, http.StatusServiceUnavailable, codeUnavailable)
	b.get(t, "/api/v1/stock/A").problem(t, http.StatusServiceUnavailable, codeUnavailable)
}

// A refusal tells which location stands against the request. It fails without withLocation (change_location.go).
func TestARefusalShowsTheLocationThatStands(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.post(t, locationsPath, goodLocation, "Idempotency-Key", "k")
	stands := b.get(t, locationsPath+"/oslo").object(t)
	for name, c := range map[string]struct {
		path, body string
		status     int
		code       domain.ErrorCode
	}{
		"the same under another key": {locationsPath, goodLocation, http.StatusConflict, location.CodeLocationExists},
		"another under the same key": {locationsPath, `{"id": "bergen", "name": "Bergen", "country": "NO"}`, http.StatusUnprocessableEntity, domain.CodeIdempotencyKeyReused},
		"another change under a key": {locationsPath + "/oslo", `{"active": false}`, http.StatusUnprocessableEntity, domain.CodeIdempotencyKeyReused},
	} {
		t.Run(name, func(t *testing.T) {
			key := "k"
			switch c.code {
			case location.CodeLocationExists:
				key = "other"
			default:
				before := workflows.LocationChange{ID: "oslo"}
				b.stockErr = &sagaclient.Reused{Refusal: domain.Refuse(c.code, "another content"), Stands: before}
			}
			refused := b.post(t, c.path, c.body, "Idempotency-Key", key)
			refused.problem(t, c.status, c.code)
			require.Equal(t, stands, refused.object(t)["location"])
		})
		b.stockErr = nil
	}
}

func TestAChangeOfNothingIsRefusedInWords(t *testing.T) {
	t.Parallel()
	b := setup(t)
	refused := b.post(t, locationsPath+"/oslo", `{}`)
	refused.problem(t, http.StatusUnprocessableEntity, codeInvalid)
	require.Contains(t, refused.body, "changes nothing, one member at least is required")
}

// What the document says of a location is what the domain says.
func TestTheDocumentAndTheDomainAgreeOnLocations(t *testing.T) {
	t.Parallel()
	id, err := contract().Schema("components", "schemas", "LocationId")
	require.NoError(t, err)
	for _, text := range []string{"a", "0", "-a", "_", "a-b_c", "A", "é", "", strings.Repeat("a", 32), strings.Repeat("a", 33)} {
		require.Equal(t, location.ValidID(text), id.Validate(text) == nil, text)
	}
	for place, want := range map[string]int{
		"LocationName maxLength": location.NameLengthMax, "LocationPriority maximum": location.PriorityMax, "LocationPriority default": location.PriorityDefault,
	} {
		require.Equal(t, fmt.Sprint(want), fmt.Sprint(contract().At(append([]string{"components", "schemas"}, strings.Fields(place)...)...)), place)
	}
}

func TestStockIsAvailableWhereOrdersMayHaveIt(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.net = location.Network{Locations: []location.Location{{ID: "berlin", Active: true}, {ID: "reno"}}}
	b.stock["A"] = []readmodel.StockLevel{
		{SKU: "A", Location: "berlin", OnHand: 5, Reserved: 2, Available: 3, UpdatedAt: acceptedAt, Version: 2},
		{SKU: "A", Location: "reno", OnHand: 4, Available: 4, UpdatedAt: acceptedAt, Version: 1},
	}
	body := b.get(t, "/api/v1/stock/A").object(t)
	require.EqualValues(t, 9, body["on_hand"])
	require.EqualValues(t, 3, body["available"], "reno is not active")
	require.EqualValues(t, 0, body["levels"].([]any)[1].(map[string]any)["available"])

	b.net.Backordered = map[string]bool{"A": true}
	b.stock["A"] = append([]readmodel.StockLevel{{SKU: "A", Backordered: 7, UpdatedAt: acceptedAt, Version: 1}}, b.stock["A"]...)
	body = b.get(t, "/api/v1/stock/A").object(t)
	require.EqualValues(t, 7, body["backordered"])
	require.EqualValues(t, 0, body["available"], "what there is goes to those who wait")
	require.Len(t, body["levels"], 2, "the queue is no location")
}
