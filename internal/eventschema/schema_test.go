package eventschema_test

import (
	"bytes"
	"io/fs"
	"reflect"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/docs/events"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/catalog"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/internal/eventschema"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
)

func TestAPublishedSchemaNeverChanges(t *testing.T) {
	t.Parallel()
	all, err := eventschema.All()
	require.NoError(t, err)
	for name, schema := range all {
		published, err := fs.ReadFile(events.FS, name)
		require.NoError(t, err, "run go generate ./docs/events")
		require.Equal(t, string(published), string(schema),
			"%s is published: whoever reads the topics relies on it. Give the event a new version, and domain/catalog an upcaster from the old one", name)
	}
}

func TestEveryVersionHasItsSchema(t *testing.T) {
	t.Parallel()
	known := map[string]bool{}
	for _, e := range catalog.All() {
		for v := 1; v <= e.EventVersion(); v++ {
			known[eventschema.Name(e.EventType(), v)] = true
			_, err := fs.Stat(events.FS, eventschema.Name(e.EventType(), v))
			require.NoError(t, err)
		}
	}
	files, err := fs.Glob(events.FS, "*.json")
	require.NoError(t, err)
	for _, f := range files {
		require.True(t, known[f], "%s describes an event that the catalog does not know: old events can't be read any more", f)
	}
}

// TestEventsFollowTheirSchemas encodes events that have every field set, and some that have none.
func TestEventsFollowTheirSchemas(t *testing.T) {
	t.Parallel()
	for _, zero := range catalog.All() {
		schema := compile(t, eventschema.Name(zero.EventType(), zero.EventVersion()))
		full := reflect.New(reflect.TypeOf(zero)).Elem()
		fill(full)
		for _, e := range []domain.Event{zero, full.Interface().(domain.Event)} {
			payload, err := catalog.Encode(e)
			require.NoError(t, err)
			value, err := jsonschema.UnmarshalJSON(bytes.NewReader(payload))
			require.NoError(t, err)
			err = schema.Validate(value)
			if isZero := reflect.ValueOf(e).IsZero(); isZero && err != nil {
				continue // a zero event has null where a list belongs; it is never recorded
			}
			require.NoError(t, err, "%s: %s", e.EventType(), payload)
		}
	}
}

func compile(t *testing.T, name string) *jsonschema.Schema {
	t.Helper()
	b, err := fs.ReadFile(events.FS, name)
	require.NoError(t, err)
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	require.NoError(t, err)
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	require.NoError(t, c.AddResource(name, document))
	schema, err := c.Compile(name)
	require.NoError(t, err)
	return schema
}

// fill sets every field to something.
func fill(v reflect.Value) {
	switch v.Type() {
	case reflect.TypeFor[uuid.UUID]():
		v.Set(reflect.ValueOf(uuid.New()))
		return
	case reflect.TypeFor[time.Time]():
		v.Set(reflect.ValueOf(time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC)))
		return
	case reflect.TypeFor[money.Money]():
		v.Set(reflect.ValueOf(money.Must("19.90", "EUR")))
		return
	case reflect.TypeFor[decimal.Decimal]():
		v.Set(reflect.ValueOf(decimal.New(19, -2)))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString("text")
	case reflect.Int, reflect.Int64:
		v.SetInt(7)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Uint8:
		v.SetUint(7)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0))
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i))
		}
	case reflect.Map:
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(key)
		fill(value)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, value)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem())
	}
}
