package catalog_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"regexp"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/catalog"
	"github.com/orderloom/orderloom/domain/inventory"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
)

func TestEveryEventReadsBack(t *testing.T) {
	t.Parallel()
	for _, zero := range catalog.All() {
		t.Run(zero.EventType(), func(t *testing.T) {
			t.Parallel()
			p := reflect.New(reflect.TypeOf(zero)).Elem()
			n := 0
			fill(t, p, &n)
			event := p.Interface().(domain.Event)
			payload, err := catalog.Encode(event)
			require.NoError(t, err)
			back, err := catalog.Decode(domain.Envelope{EventType: event.EventType(), EventVersion: event.EventVersion(), Payload: payload})
			require.NoError(t, err)
			again, err := catalog.Encode(back)
			require.NoError(t, err)
			require.Equal(t, string(payload), string(again), "nothing is lost")
			require.IsType(t, event, back)
			checkNames(t, payload)
		})
	}
}

var snakeCase = regexp.MustCompile(`^[a-z][a-z0-9]*(_[a-z0-9]+)*$`)

// checkNames demands snake_case names everywhere, and no number that JSON readers could round.
func checkNames(t *testing.T, payload json.RawMessage) {
	t.Helper()
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			for name, value := range v {
				require.Regexp(t, snakeCase, name)
				walk(value)
			}
		case []any:
			for _, value := range v {
				walk(value)
			}
		case float64:
			require.Zero(t, v-math.Trunc(v), "amounts are strings, so that no number has a fraction")
		}
	}
	var tree map[string]any
	require.NoError(t, json.Unmarshal(payload, &tree), "a payload is a JSON object")
	walk(tree)
}

// fill gives every field a value of its own.
func fill(t testing.TB, v reflect.Value, n *int) {
	t.Helper()
	*n++
	switch v.Interface().(type) {
	case uuid.UUID:
		v.Set(reflect.ValueOf(domain.DerivedID(uuid.Nil, fmt.Sprint(*n))))
		return
	case time.Time:
		v.Set(reflect.ValueOf(time.Date(2026, 11, 23, 9, 0, *n, 123_456_000, time.UTC)))
		return
	case money.Money:
		v.Set(reflect.ValueOf(money.FromMinorUnits(int64(*n), "EUR")))
		return
	case decimal.Decimal:
		t.Fatal("an amount without a currency")
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if name := v.Type().Field(i).Name; name == "Rate" || name == "Percentage" { // numbers that are no amounts
				*n++
				v.Field(i).Set(reflect.ValueOf(decimal.New(int64(*n), -2)))
				continue
			}
			fill(t, v.Field(i), n)
		}
	case reflect.Map:
		*n++
		v.Set(reflect.ValueOf(map[string]string{fmt.Sprintf("key_%d", *n): fmt.Sprintf("text %d", *n)}))
	case reflect.Pointer:
		p := reflect.New(v.Type().Elem())
		fill(t, p.Elem(), n)
		v.Set(p)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range 2 {
			fill(t, v.Index(i), n)
		}
	case reflect.String:
		v.SetString(fmt.Sprintf("text %d \"<ü>\"", *n))
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(*n))
	case reflect.Uint8:
		v.SetUint(uint64(*n % 256))
	case reflect.Bool:
		v.SetBool(true)
	default:
		t.Fatalf("a payload holds a %s: teach this test, and see that JSON keeps it", v.Type())
	}
}

func TestEveryEventHasOneHome(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, e := range catalog.All() {
		require.False(t, seen[e.EventType()], "%s is there twice", e.EventType())
		seen[e.EventType()] = true
		require.Contains(t, catalog.AggregateTypes(), catalog.AggregateType(e.EventType()))
		require.Equal(t, reflect.TypeOf(e).Name(), e.EventType(), "an event is called as its struct")
		require.Positive(t, e.EventVersion())
	}
	require.Empty(t, catalog.AggregateType("Nope"))
	require.Equal(t, domain.AggregateOrder, catalog.AggregateType("OrderPlaced"))
}

// Each version before the newest has its step up to it, so that what was stored once can be read for
// ever.
func TestEveryOldVersionIsUpcast(t *testing.T) {
	t.Parallel()
	for _, e := range catalog.All() {
		require.Equal(t, e.EventVersion(), (*catalog.Catalog)(nil).Version(e.EventType()), "%s has a step for each version before its own", e.EventType())
		for v := 1; v < e.EventVersion(); v++ {
			_, err := catalog.Decode(domain.Envelope{EventType: e.EventType(), EventVersion: v, Payload: json.RawMessage(`{}`)})
			require.NotEqual(t, "unknown_event", domain.Code(err), "%s version %d", e.EventType(), v)
		}
	}
}

func TestAnAddressAmendedByNoRequestIsReadAsOfTheZeroOne(t *testing.T) {
	t.Parallel()
	e, err := catalog.Decode(domain.Envelope{EventType: "ShippingAddressAmended", EventVersion: 1, Payload: json.RawMessage(
		`{"order_id":"3f0f2c5e-5d0a-5b8e-9d53-6f2f9a0f7c11","personal":{"key":"c-1:1","data":"BA=="},"amended_by":"ann","amended_at":"2026-01-02T03:04:05Z"}`)})
	require.NoError(t, err)
	amended := e.(order.ShippingAddressAmended)
	require.Equal(t, uuid.Nil, amended.RequestID)
	require.Equal(t, []byte{4}, amended.Personal.Data)
	require.Equal(t, "ann", amended.AmendedBy)
	require.Empty(t, order.Evolve(order.Order{}, amended).Requests, "it answers for no request")
}

func TestAnOldVersionTakesEachStep(t *testing.T) {
	t.Parallel()
	replace := func(old, new string) catalog.Upcaster {
		return func(b json.RawMessage) (json.RawMessage, error) {
			return bytes.ReplaceAll(b, []byte(old), []byte(new)), nil
		}
	}
	var platform *catalog.Catalog
	second := platform.WithStep("StockReleased", replace("why", "cause"))
	third := second.WithStep("StockReleased", replace("cause", "reason"))
	decode := func(c *catalog.Catalog, version int, payload string) domain.Event {
		e, err := c.Decode(domain.Envelope{EventType: "StockReleased", EventVersion: version, Payload: json.RawMessage(payload)})
		require.NoError(t, err)
		return e
	}
	want := inventory.StockReleased{Reason: "x"}
	require.Equal(t, want, decode(third, 1, `{"why":"x"}`))
	require.Equal(t, want, decode(third, 2, `{"cause":"x"}`))
	require.Equal(t, want, decode(third, 3, `{"reason":"x"}`))
	require.Equal(t, want, decode(platform, 1, `{"reason":"x"}`), "a catalog made of another leaves that as it was")
	require.Equal(t, 3, third.Version("StockReleased"))

	failing := second.WithStep("StockReleased", func(json.RawMessage) (json.RawMessage, error) { return nil, errors.New("no") })
	_, err := failing.Decode(domain.Envelope{EventType: "StockReleased", EventVersion: 1, Payload: json.RawMessage(`{}`)})
	require.ErrorContains(t, err, "from version 2: no")
}

func TestDecodeRefusesWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	for _, env := range []domain.Envelope{
		{EventType: "Nope", EventVersion: 1, Payload: json.RawMessage(`{}`)},
		{EventType: "OrderPlaced", EventVersion: 0, Payload: json.RawMessage(`{}`)},
		{EventType: "OrderPlaced", EventVersion: 99, Payload: json.RawMessage(`{}`)},
	} {
		_, err := catalog.Decode(env)
		require.EqualValues(t, "unknown_event", domain.Code(err))
	}
	for _, payload := range []string{``, `null`, `[]`, `"x"`, `{`, `{"items":"x"}`, `{"total":{"amount":"x"}}`} {
		_, err := catalog.Decode(domain.Envelope{EventType: "OrderPlaced", EventVersion: 1, Payload: json.RawMessage(payload)})
		require.Error(t, err, payload)
		require.Empty(t, domain.Code(err), "a broken payload is no refusal")
	}
}

// A program that is older than the one that wrote the event passes over fields it does not know.
func TestDecodePassesOverNewFields(t *testing.T) {
	t.Parallel()
	e, err := catalog.Decode(domain.Envelope{EventType: "OrderCancelled", EventVersion: 1, Payload: json.RawMessage(` {"reason":"x","colour":"blue"}`)})
	require.NoError(t, err)
	require.Equal(t, order.OrderCancelled{Reason: "x"}, e)
}

func Example() {
	payload, err := catalog.Encode(order.OrderShipped{ShippedAt: time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)})
	fmt.Println(string(payload), err)
	e, err := catalog.Decode(domain.Envelope{EventType: "OrderShipped", EventVersion: 1, Payload: payload})
	fmt.Printf("%T %v\n", e, err)
	// Output:
	// {"order_id":"00000000-0000-0000-0000-000000000000","shipped_at":"2026-11-23T09:00:00Z"} <nil>
	// order.OrderShipped <nil>
}
