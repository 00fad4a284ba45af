package httpx

import (
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/orderloom/orderloom/domain"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
)

// messageKeyword says in a schema what a value must be, for people.
const messageKeyword = "x-message"

// check adds what is wrong with a value by a schema.
func (c *Contract) check(schema *jsonschema.Schema, value any, f *faults) {
	if err := schema.Validate(value); err != nil {
		c.explain(err.(*jsonschema.ValidationError), value, f) //nolint:errorlint,forcetypeassert // it returns no other
	}
}

// explain adds the faults that an error of the validator is made of.
func (c *Contract) explain(e *jsonschema.ValidationError, root any, f *faults) {
	switch k := e.ErrorKind.(type) {
	case *kind.Required:
		for _, name := range k.Missing {
			f.add(append(slices.Clone(e.InstanceLocation), name), "is required")
		}
	case *kind.AdditionalProperties:
		for _, name := range k.Properties {
			f.add(append(slices.Clone(e.InstanceLocation), name), "is not known here")
		}
	case *kind.MaxItems:
		// The first element too many is to blame, not those before it.
		f.add(append(slices.Clone(e.InstanceLocation), fmt.Sprint(k.Want)), fmt.Sprintf("there are at most %d", k.Want))
	case *kind.OneOf:
		c.explainAlternatives(e, root, f)
	case *kind.AnyOf:
		c.explainAlternatives(e, root, f)
	default:
		if len(e.Causes) == 0 {
			f.add(slices.Clone(e.InstanceLocation), c.message(e, valueAt(root, e.InstanceLocation)))
		}
		for _, cause := range e.Causes {
			c.explain(cause, root, f)
		}
	}
}

// explainAlternatives adds what is wrong by the alternative that was meant: the one that has the type of the
// value. When none has it, or each only wants another member, the words beside the alternatives say what the value
// must be.
func (c *Contract) explainAlternatives(e *jsonschema.ValidationError, root any, f *faults) {
	for _, alternative := range e.Causes {
		switch alternative.ErrorKind.(type) {
		case *kind.Type, *kind.Required:
		default:
			c.explain(alternative, root, f)
			return
		}
	}
	f.add(slices.Clone(e.InstanceLocation), c.message(e, valueAt(root, e.InstanceLocation)))
}

// valueAt returns the value at a location, nil when there is none.
func valueAt(value any, location []string) any {
	for _, name := range location {
		switch v := value.(type) {
		case map[string]any:
			value = v[name]
		case []any:
			i, ok := index(name, len(v))
			if !ok {
				return nil
			}
			value = v[i]
		default:
			return nil
		}
	}
	return value
}

// message says what a value must be. It repeats the value where that helps, and never a text without a form of
// its own, which may be personal.
func (c *Contract) message(e *jsonschema.ValidationError, value any) string {
	schema := c.described(e.SchemaURL)
	words, _ := schema[messageKeyword].(string)
	switch k := e.ErrorKind.(type) {
	case *kind.Type:
		return typeMessage(k, schema, value)
	case *kind.MinLength:
		if k.Want == 1 {
			return "is required"
		}
		return fmt.Sprintf("has at least %d characters", k.Want)
	case *kind.MaxLength:
		return fmt.Sprintf("has at most %d characters", k.Want)
	case *kind.MinItems:
		return fmt.Sprintf("there is at least %d", k.Want)
	case *kind.Enum:
		return "must be " + alternatives(k.Want) + got(value)
	case *kind.Minimum, *kind.Maximum, *kind.ExclusiveMinimum, *kind.ExclusiveMaximum:
		return rangeMessage(k, schema) + got(value)
	case *kind.MultipleOf:
		return multipleMessage(k.Want) + got(value)
	case *kind.Format:
		return formatMessage(k.Want, words) + got(value)
	}
	if words == "" {
		return "is not what the document allows"
	}
	return words
}

func typeMessage(k *kind.Type, schema map[string]any, value any) string {
	want := make([]string, len(k.Want))
	for i, name := range k.Want {
		want[i] = typeNames[name]
	}
	text := "must be " + strings.Join(want, " or ")
	if slices.Contains(k.Want, "integer") {
		// A number says more than its type does.
		if _, isNumber := value.(json.Number); isNumber || schema["minimum"] != nil && schema["maximum"] != nil {
			return text + rangeOf(schema) + got(value)
		}
	}
	return text + ", got " + typeNames[k.Got]
}

var typeNames = map[string]string{
	"object": "an object", "array": "an array", "string": "a string", "number": "a number", "integer": "a whole number",
	"boolean": "a boolean", "null": "null",
}

// rangeMessage says between which numbers a value must be, or which limit it is beyond.
func rangeMessage(k jsonschema.ErrorKind, schema map[string]any) string {
	if between := rangeOf(schema); between != "" {
		return "must be" + between
	}
	switch k.(type) {
	case *kind.Minimum:
		return fmt.Sprint("must be at least ", schema["minimum"])
	case *kind.Maximum:
		return fmt.Sprint("must be at most ", schema["maximum"])
	case *kind.ExclusiveMinimum:
		return fmt.Sprint("must be more than ", schema["exclusiveMinimum"])
	default:
		return fmt.Sprint("must be less than ", schema["exclusiveMaximum"])
	}
}

func rangeOf(schema map[string]any) string {
	if schema["minimum"] == nil || schema["maximum"] == nil {
		return ""
	}
	return fmt.Sprintf(" from %v to %v", schema["minimum"], schema["maximum"])
}

// multipleMessage says how many digits a number has after its point, where that is what the schema means.
func multipleMessage(of *big.Rat) string {
	if digits, exact := of.FloatPrec(); exact && of.Num().IsInt64() && of.Num().Int64() == 1 && digits > 0 {
		return fmt.Sprintf("has at most %d digits after the point", digits)
	}
	return "must be a multiple of " + of.RatString()
}

func formatMessage(format, words string) string {
	switch {
	case words != "":
		return words
	case format == "uuid":
		return "must be a UUID such as 8a6e0804-2bd0-4672-b79d-d97027f9071a"
	case format == "date-time":
		return "must be a time such as 2026-11-23T06:30:00Z (RFC 3339; in a query, a plus sign is written %2B)"
	}
	return "must be a " + format
}

// alternatives lists the values of an enum.
func alternatives(values []any) string {
	words := make([]string, len(values))
	for i, v := range values {
		words[i] = fmt.Sprint(v)
	}
	if len(words) < 3 {
		return strings.Join(words, " or ")
	}
	return "one of " + strings.Join(words, ", ")
}

// got repeats a value.
func got(value any) string {
	switch v := value.(type) {
	case json.Number:
		return ", got " + v.String()
	case string:
		return fmt.Sprintf(", got %q", domain.Clip(v))
	}
	return ""
}
