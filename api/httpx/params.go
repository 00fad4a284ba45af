package api

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/orderloom/orderloom/domain/money"
)

// params reads the parameters of a query strictly: what is unknown, stands twice or has the wrong
// form is noted with the exchange.
type params struct {
	x      *exchange
	values url.Values
}

// paramMax bounds the value of a parameter.
const paramMax = 512

// query reads the query, in which only the known names may stand. Names that end in [] may be given
// more than once.
func (x *exchange) query(known ...string) params {
	values := url.Values{}
	if raw := x.Request.URL.RawQuery; raw != "" {
		var err error
		if values, err = url.ParseQuery(raw); err != nil {
			x.blame(inQuery, "", "the query can't be read: a percent sign is followed by two hexadecimal digits, and a semicolon is written %%3B")
		}
	}
	names := make([]string, 0, len(values))
	for name := range values {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		switch {
		case !slices.Contains(known, name):
			x.blame(inQuery, clip(name), "is not known here")
		case len(values[name]) > 1 && !strings.HasSuffix(name, "[]"):
			x.blame(inQuery, name, "stands twice")
		}
	}
	return params{x: x, values: values}
}

// text returns a parameter, empty without one.
func (p params) text(name string) string {
	v := p.values.Get(name)
	if v == "" {
		if p.values.Has(name) {
			p.x.blame(inQuery, name, "is empty")
		}
		return ""
	}
	if problem := textProblem(v, paramMax); problem != "" {
		p.x.blame(inQuery, name, "%s", problem)
		return ""
	}
	return v
}

// oneOf returns a parameter that is one of these words.
func (p params) oneOf(name string, words ...string) string {
	v := p.text(name)
	if v != "" && !slices.Contains(words, v) {
		p.x.blame(inQuery, name, "must be one of %s, got %q", strings.Join(words, ", "), clip(v))
		return ""
	}
	return v
}

// set returns a parameter that may stand more than once, each time with one of these words.
func (p params) set(name string, words ...string) []string {
	values := p.values[name]
	for _, v := range values {
		if !slices.Contains(words, v) {
			p.x.blame(inQuery, name, "must be one of %s, got %q", strings.Join(words, ", "), clip(v))
		}
	}
	return values
}

// integer returns a whole number from least to most, and 0 without the parameter.
func (p params) integer(name string, least, most int64) int64 {
	v := p.text(name)
	if v == "" {
		return 0
	}
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil || n < least || n > most {
		p.x.blame(inQuery, name, "must be a whole number from %d to %d, got %q", least, most, clip(v))
		return 0
	}
	return n
}

// time returns a point in time, and the zero time without the parameter.
func (p params) time(name string) time.Time {
	v := p.text(name)
	if v == "" {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339Nano, v)
	if err != nil {
		p.x.blame(inQuery, name, "must be a time such as 2026-11-23T06:30:00Z (RFC 3339; a plus sign is written %%2B), got %q", clip(v))
	}
	return t.UTC()
}

// money returns an amount in currency, and nil without the parameter.
func (p params) money(name, currency string) *money.Money {
	v := p.text(name)
	if v == "" {
		return nil
	}
	if !plainDecimal(v) {
		p.x.blame(inQuery, name, "must be a decimal number such as 19.90, got %q", clip(v))
		return nil
	}
	if !money.KnownCurrency(currency) {
		return nil // noted where the currency is read
	}
	amount, err := money.Parse(v, currency)
	if err != nil {
		p.x.blame(inQuery, name, "is no amount in %s", currency)
		return nil
	}
	return &amount
}
