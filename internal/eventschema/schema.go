// Package eventschema makes the JSON Schemas of docs/events from the Go types of the events.
package eventschema

import (
	"encoding/json"
	"fmt"
	"reflect"
	"time"

	"github.com/google/uuid"
	"github.com/invopop/jsonschema"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/catalog"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/shopspring/decimal"
)

// Name is the name of a schema's file.
func Name(eventType string, version int) string {
	return fmt.Sprintf("%s.v%d.json", eventType, version)
}

// All returns the schema of the newest version of every event, by file name.
func All() (map[string][]byte, error) {
	all := make(map[string][]byte)
	for _, e := range catalog.All() {
		b, err := Of(e)
		if err != nil {
			return nil, err
		}
		all[Name(e.EventType(), e.EventVersion())] = b
	}
	return all, nil
}

// Of returns the schema of an event's payload. Unknown properties are allowed, so that whoever reads an
// event with an older schema than its writer's is not stopped by what was added.
func Of(e domain.Event) ([]byte, error) {
	r := jsonschema.Reflector{
		Anonymous: true, DoNotReference: true, ExpandedStruct: true, AllowAdditionalProperties: true, Mapper: special,
	}
	s := r.Reflect(e)
	s.ID = jsonschema.ID("https://orderloom.dev/events/" + Name(e.EventType(), e.EventVersion()))
	s.Title = fmt.Sprintf("%s, version %d", e.EventType(), e.EventVersion())
	s.Description = "Payload of an event of the aggregate type " + catalog.AggregateType(e.EventType()) + "."
	b, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("schema of %s: %w", e.EventType(), err)
	}
	return append(b, '\n'), nil
}

// special gives the schemas of types that write their own JSON.
func special(t reflect.Type) *jsonschema.Schema {
	switch t {
	case reflect.TypeFor[uuid.UUID]():
		return &jsonschema.Schema{Type: "string", Format: "uuid"}
	case reflect.TypeFor[decimal.Decimal]():
		return &jsonschema.Schema{Type: "string", Pattern: `^[0-9]+(\.[0-9]+)?$`, Description: "A decimal number that is no amount, such as a rate."}
	case reflect.TypeFor[time.Time]():
		return &jsonschema.Schema{Type: "string", Format: "date-time"}
	case reflect.TypeFor[money.Money]():
		properties := jsonschema.NewProperties()
		properties.Set("amount", &jsonschema.Schema{Type: "string", Pattern: `^-?[0-9]+(\.[0-9]+)?$`})
		properties.Set("currency", &jsonschema.Schema{Type: "string", Pattern: `^([A-Z]{3})?$`, Description: "ISO 4217; empty only for no money"})
		return &jsonschema.Schema{
			Type: "object", Properties: properties, Required: []string{"amount", "currency"},
			Description: "An exact amount, with all digits of the currency's minor unit.",
		}
	case reflect.TypeFor[domain.Sealed]():
		properties := jsonschema.NewProperties()
		properties.Set("key", &jsonschema.Schema{Type: "string"})
		properties.Set("data", &jsonschema.Schema{Type: "string", ContentEncoding: "base64"})
		return &jsonschema.Schema{
			Type: "object", Properties: properties,
			Description: "Personal data under a key of the person's own (AES-256-GCM); unreadable once that is destroyed.",
		}
	}
	return nil
}
