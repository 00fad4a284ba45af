package address

import (
	"slices"
	"strings"

	"github.com/orderloom/orderloom/domain"
)

// TextLengthMax bounds each line of an address, in characters.
const TextLengthMax = 200

// Address is a postal address.
type Address struct {
	// Line1 is street and number, or what takes their place. Line2 is a flat, a floor or a building.
	Line1 string `json:"line1"`
	Line2 string `json:"line2,omitempty"`
	// DependentLocality is a part of the city that stands in addresses of some countries, such as a district of Seoul.
	DependentLocality string `json:"dependent_locality,omitempty"`
	City              string `json:"city,omitempty"`
	// State is the subdivision that addresses of the country name, by its code or name: a state, province or
	// prefecture.
	State string `json:"state,omitempty"`
	Zip   string `json:"zip,omitempty"`
	// Country is an ISO 3166-1 alpha-2 code.
	Country string `json:"country"`
}

// Trimmed returns the address without spaces and invisible characters at the ends of its texts.
func (a Address) Trimmed() Address {
	for _, text := range []*string{&a.Line1, &a.Line2, &a.DependentLocality, &a.City, &a.State, &a.Zip, &a.Country} {
		*text = domain.Trim(*text)
	}
	return a
}

// Check names everything that is wrong with an address by the rules of its country, with JSON paths below prefix, as
// [domain.Invalids]. Of an unknown country it checks what all addresses have.
func Check(prefix string, a Address) error {
	var bad domain.Invalids
	c, known := countries()[a.Country]
	for _, f := range []struct {
		name, value string
		field       byte
	}{
		{"line1", a.Line1, fieldLines},
		{"line2", a.Line2, 0},
		{"dependent_locality", a.DependentLocality, 0},
		{"city", a.City, fieldCity},
		{"state", a.State, fieldState},
		{"zip", a.Zip, fieldZip},
	} {
		path := prefix + "." + f.name
		if f.field != 0 && (f.field == fieldLines || known && c.requires(f.field)) {
			bad.Required(path, f.value, TextLengthMax)
		} else {
			bad.Text(path, f.value, TextLengthMax)
		}
	}
	switch {
	case !known:
		bad.Add(prefix+".country", "%q is not an ISO 3166-1 alpha-2 country code in upper case", domain.Clip(a.Country))
	default:
		c.checkParts(&bad, prefix, a)
	}
	return bad.Err()
}

// checkParts blames a postal code and a subdivision that the country does not have, unless they were blamed before.
func (c *country) checkParts(bad *domain.Invalids, prefix string, a Address) {
	fine := func(part string) bool {
		return !slices.ContainsFunc(*bad, func(e *domain.Error) bool { return e.Field == prefix+part })
	}
	if c.requires(fieldZip) && fine(".zip") && !c.hasZip(a.Zip) {
		bad.Add(prefix+".zip", "is no postal code of %s, such as %s", c.name, strings.ReplaceAll(c.zipExamples, ",", " or "))
	}
	if !closed(c.code) || !fine(".state") {
		return
	}
	if _, ok := Subdivision(c.code, a.State); !ok {
		bad.Add(prefix+".state", "is no state, province or territory of %s: give its code, such as %s, or its name", c.name, c.subdivisions()[0].Key)
	}
}
