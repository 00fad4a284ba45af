package address

import (
	_ "embed"
	"regexp"
	"strings"
	"sync"
	"unicode"
)

//go:embed countries.txt
var table string

// The fields of a format, as the data name them.
const (
	fieldName           = 'N'
	fieldCompany        = 'O'
	fieldLines          = 'A'
	fieldDependent      = 'D'
	fieldCity           = 'C'
	fieldState          = 'S'
	fieldZip            = 'Z'
	fieldNone      byte = 0
)

// country holds the rules of one country.
type country struct {
	code, name string
	// format and latin are templates of a label: "%" and a field, "%n" for a new line, and what stands there as it is.
	// latin is for an address in Latin letters.
	format, latin string
	// required and upper are the fields that have to be there, and those that a label has in capitals.
	required, upper string
	zipExamples     string
	// zip is the pattern of a postal code without separators.
	zip          func() *regexp.Regexp
	subdivisions func() []Division
}

// Known reports whether there are rules for a country: its ISO 3166-1 alpha-2 code in upper case. Kosovo (XK),
// Ascension (AC) and Tristan da Cunha (TA) have post of their own and no such code; theirs are in general use.
func Known(code string) bool {
	_, ok := countries()[code]
	return ok
}

// countries returns the rules of all countries, by code.
var countries = sync.OnceValue(func() map[string]*country {
	all := map[string]*country{}
	for line := range strings.Lines(table) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		f := append(strings.Split(strings.TrimSuffix(line, "\n"), "\t"), make([]string, columns)...)
		c := &country{code: f[0], name: title(f[1]), format: f[2], latin: f[3], required: f[4], upper: f[5], zipExamples: f[7]}
		if c.latin == "" {
			c.latin = c.format
		}
		c.zip = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(?:` + f[6] + `)$`) })
		c.subdivisions = sync.OnceValue(func() []Division { return parseDivisions(f[0], f[8]) })
		all[c.code] = c
	}
	return all
})

// columns is how many a line of the table has.
const columns = 9

// title writes a name in capitals as it stands in a sentence.
func title(name string) string {
	words := strings.Fields(strings.ToLower(name))
	for i, w := range words {
		if i > 0 && (w == "and" || w == "of" || w == "the") {
			continue
		}
		for at, r := range w {
			if unicode.IsLetter(r) {
				words[i] = w[:at] + strings.ToUpper(string(r)) + w[at+len(string(r)):]
				break
			}
		}
	}
	return strings.Join(words, " ")
}

func (c *country) requires(field byte) bool { return strings.IndexByte(c.required, field) >= 0 }

// hasZip reports whether a text has the form of the country's postal codes. Only its letters and digits count, and not
// their case. The country's code before it, which is in some countries' patterns and not in others, may be there or
// not.
func (c *country) hasZip(text string) bool {
	plain := strings.Map(func(r rune) rune {
		const longSound = 'ー' // typed for a hyphen in Japan
		if r == longSound || !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			return -1
		}
		return unicode.ToUpper(narrow(r))
	}, text)
	pattern := c.zip()
	if pattern.MatchString(plain) || pattern.MatchString(c.code+plain) {
		return true
	}
	for _, prefix := range []string{c.code, vehicleCodes[c.code]} {
		if rest, ok := strings.CutPrefix(plain, prefix); ok && prefix != "" && pattern.MatchString(rest) {
			return true
		}
	}
	return false
}

// vehicleCodes stand before postal codes in the old way of CEPT, where they are not the country's code.
var vehicleCodes = map[string]string{
	"AT": "A", "BE": "B", "DE": "D", "ES": "E", "FR": "F", "HU": "H", "IT": "I", "NO": "N", "PT": "P", "SE": "S", "LU": "L",
}

// narrow returns the ASCII form of a full-width digit or letter, as they are typed in East Asia (U+FF01 to U+FF5E).
func narrow(r rune) rune {
	if r >= '！' && r <= '～' {
		return r - '！' + '!'
	}
	return r
}
