package telemetry

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
)

const redacted = "[redacted]"

// forbidden holds the names, in lower case and without separators, of what no log may show.
var forbidden = func() map[string]bool {
	m := map[string]bool{}
	for _, name := range strings.Fields(`
		street line1 line2 city zip postalcode shippingaddress billingaddress recipient company personal
		customernote internalnotes
		firstname lastname fullname customername email phone phonenumber birthdate clientip remoteaddr
		paymenttoken cardnumber iban cvc
		authorization cookie password secret token apikey clientsecret masterkey masterkeys
	`) {
		m[name] = true
	}
	return m
}()

var separators = strings.NewReplacer("_", "", "-", "", ".", "", " ", "")

func isForbidden(name string) bool { return forbidden[strings.ToLower(separators.Replace(name))] }

// redact is the ReplaceAttr of every handler. Values of groups are given to it one by one, with the
// names of the groups they stand in.
func redact(groups []string, a slog.Attr) slog.Attr {
	if isForbidden(a.Key) {
		return slog.String(a.Key, redacted)
	}
	for _, g := range groups {
		if isForbidden(g) {
			return slog.String(a.Key, redacted)
		}
	}
	if a.Value.Kind() == slog.KindAny {
		a.Value = redactAny(a.Value)
	}
	return a
}

// redactAny looks into structs, maps and lists by their JSON form, which is how they would be
// written. Values that print themselves, such as errors, ids and amounts, are left alone.
func redactAny(v slog.Value) slog.Value {
	switch v.Any().(type) {
	case nil, error, fmt.Stringer, *slog.Source:
		return v
	}
	t := reflect.TypeOf(v.Any())
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice || t.Kind() == reflect.Array {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct && t.Kind() != reflect.Map && t.Kind() != reflect.Interface {
		return v
	}
	b, err := json.Marshal(v.Any())
	if err != nil {
		return slog.StringValue(fmt.Sprintf("[%T can't be written: %v]", v.Any(), err))
	}
	var tree any
	if err := json.Unmarshal(b, &tree); err != nil {
		return slog.StringValue(redacted)
	}
	return slog.AnyValue(scrub(tree))
}

func scrub(tree any) any {
	switch tree := tree.(type) {
	case map[string]any:
		for k, v := range tree {
			if isForbidden(k) {
				tree[k] = redacted
			} else {
				tree[k] = scrub(v)
			}
		}
	case []any:
		for i := range tree {
			tree[i] = scrub(tree[i])
		}
	}
	return tree
}
