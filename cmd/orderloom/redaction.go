package main

import (
	"encoding/json"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/orderloom/orderloom/internal/config"
)

// aboutPeople are settings that are no secrets and may name people: shops choose the ids of their customers.
var aboutPeople = []string{"ORDERLOOM_REVIEW_CUSTOMERS"}

const (
	redactedSecret = "[secret]"
	redactedPerson = "[personal]"
	// Lengths from which on a text is looked for: a whole value or a password, and a part of a list, such as a key.
	// Shorter ones are in any text.
	secretLengthMin = 4
	partLengthMin   = 16
)

// redactedPatterns are redacted wherever they stand: keys of the API and of Stripe, users of addresses, email
// addresses, and phone numbers in the international form.
var redactedPatterns = []struct {
	pattern *regexp.Regexp
	by      string
}{
	{regexp.MustCompile(`\b(?:ol|sk|rk|pk)_(?:live|test)_\w+|\bwhsec_[\w+/=]+`), redactedSecret},
	{regexp.MustCompile(`//[^/\s@"]+@`), "//" + redactedSecret + "@"},
	{regexp.MustCompile(`[\w.+-]+@[\w-]+(?:\.[\w-]+)+`), redactedPerson},
	{regexp.MustCompile(`\+\d[\d ()/-]{6,}\d`), redactedPerson},
}

// redaction takes out of a text what must not be seen.
type redaction struct{ secrets []string }

// newRedaction returns a redaction of the settings' secrets, and of the parts of each that are secrets by themselves.
func newRedaction(lookup func(string) (string, bool)) *redaction {
	r := &redaction{}
	for _, s := range config.Settings {
		value, _ := lookup(s.Name)
		if s.Alias != "" && value == "" {
			value, _ = lookup(s.Alias)
		}
		if s.Secret || slices.Contains(aboutPeople, s.Name) {
			r.add(value)
		}
	}
	// The longest first, so that no part of another is left over.
	slices.SortFunc(r.secrets, func(a, b string) int { return len(b) - len(a) })
	return r
}

// add notes a secret: the whole value, the password of an address, and each long part of a list, such as a key.
func (r *redaction) add(value string) {
	note := func(secret string, lengthMin int) {
		if len(secret) < lengthMin {
			return
		}
		r.secrets = append(r.secrets, secret)
		if written := inJSON(secret); written != secret {
			r.secrets = append(r.secrets, written)
		}
	}
	note(value, secretLengthMin)
	if u, err := url.Parse(value); err == nil && u.User != nil {
		password, _ := u.User.Password()
		for _, written := range []string{password, url.QueryEscape(password), url.PathEscape(password)} {
			note(written, secretLengthMin)
		}
		return
	}
	for _, part := range strings.FieldsFunc(value, func(c rune) bool { return strings.ContainsRune(",: ", c) }) {
		_, named, _ := strings.Cut(part, "=") // a header, such as authorization=…
		note(part, partLengthMin)
		note(named, partLengthMin)
	}
}

// inJSON returns a text as it stands in a file of the bundle.
func inJSON(text string) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(text) // a text can be written
	return strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(b.String()), `"`), `"`)
}

func (r *redaction) redact(text string) string {
	for _, secret := range r.secrets {
		text = strings.ReplaceAll(text, secret, redactedSecret)
	}
	for _, p := range redactedPatterns {
		text = p.pattern.ReplaceAllString(text, p.by)
	}
	return text
}

// bundledSetting is a setting as a bundle tells it.
type bundledSetting struct {
	Name  string `json:"name"`
	Set   bool   `json:"set"`
	Value string `json:"value,omitempty"`
}

// settings tells each setting: whether it is set, and its value where that may be seen.
func (*redaction) settings(lookup func(string) (string, bool)) []bundledSetting {
	all := make([]bundledSetting, 0, len(config.Settings))
	for _, s := range config.Settings {
		value, _ := lookup(s.Name)
		told := bundledSetting{Name: s.Name, Set: value != "", Value: value}
		switch {
		case value == "":
			told.Value = s.Default
		case s.Secret:
			told.Value = redactedSecret
		case slices.Contains(aboutPeople, s.Name):
			told.Value = redactedPerson
		}
		all = append(all, told)
	}
	return all
}
