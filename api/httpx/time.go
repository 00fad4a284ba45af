package httpx

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// ParseTime reads a time in the form of RFC 3339, and returns it in UTC. It is the one reading of times in queries and
// bodies: what the document allows, each handler can use, and an answer can show.
//
// T and Z may be lower case. A leap second is the second after it, which is how Go's times count. A time whose year in
// UTC has not four digits is refused: no answer could show it.
func ParseTime(text string) (time.Time, error) {
	upper := strings.ToUpper(text)
	if !timeForm.MatchString(upper) { // package time takes others, such as an hour of one digit
		return time.Time{}, errNoTime
	}
	leap := upper[secondAt:secondAt+2] == "60"
	if leap {
		upper = upper[:secondAt] + "59" + upper[secondAt+2:]
	}
	t, err := time.Parse(time.RFC3339Nano, upper)
	if err != nil {
		return time.Time{}, errNoTime
	}
	t = t.UTC()
	if leap {
		if t = t.Add(time.Second); t.Hour() != 0 || t.Minute() != 0 || t.Second() != 0 {
			return time.Time{}, errNoTime
		}
	}
	if t.Year() < 0 || t.Year() > 9999 {
		return time.Time{}, errNoTime
	}
	return t, nil
}

// secondAt is where the seconds of a time in the form of RFC 3339 begin.
const secondAt = len("2006-01-02T15:04:")

var timeForm = regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$`)

var errNoTime = errors.New("is no time such as 2026-11-27T09:30:00Z")

// timeFormat is the format date-time of the document.
var timeFormat = &jsonschema.Format{Name: "date-time", Validate: func(v any) error {
	text, ok := v.(string)
	if !ok { // the type is checked beside it
		return nil
	}
	_, err := ParseTime(text)
	return err
}}

// decodeTime reads a time of a body.
func decodeTime(d *jsontext.Decoder, t *time.Time) error {
	token, err := d.ReadToken()
	if err != nil {
		return err
	}
	switch token.Kind() {
	case 'n':
		*t = time.Time{}
		return nil
	case '"':
		if *t, err = ParseTime(token.String()); err != nil {
			return fmt.Errorf("%q %w", token.String(), err)
		}
		return nil
	}
	return errors.New("expected a time")
}
