package address

import (
	"slices"
	"strings"
	"unicode"

	"github.com/orderloom/orderloom/domain"
)

// Division is a subdivision of a country.
type Division struct {
	// Key is how addresses of the country write it: a code in some, a name in its own letters in others.
	Key string
	// Code is its code of ISO 3166-2, such as "US-CA"; empty where it has none.
	Code string
	// Name is its name, Latin its name in Latin letters.
	Name, Latin string

	others []string
}

// Subdivision returns the subdivision of a country that a text names: by its code with or without the country's, or by
// one of its names. Case, accents, spaces and punctuation don't count.
func Subdivision(countryCode, text string) (Division, bool) {
	c := countries()[countryCode]
	if c == nil {
		return Division{}, false
	}
	want := fold(text)
	if want == "" {
		return Division{}, false
	}
	all := c.subdivisions()
	i := slices.IndexFunc(all, func(d Division) bool { return d.is(countryCode, want) })
	if i < 0 {
		return Division{}, false
	}
	return all[i], true
}

// SubdivisionKey returns how addresses of a country write the subdivision that a text names ([Division.Key]). It is the
// text without spaces at its ends where the table has no such subdivision.
func SubdivisionKey(countryCode, text string) string {
	if d, known := Subdivision(countryCode, text); known {
		return d.Key
	}
	return domain.Trim(text)
}

func (d Division) is(countryCode, want string) bool {
	if want == fold(d.Key) || want == fold(d.Name) || want == fold(d.Latin) {
		return true
	}
	if d.Code != "" && (want == fold(d.Code) || want == fold(strings.TrimPrefix(d.Code, countryCode+"-"))) {
		return true
	}
	return slices.ContainsFunc(d.others, func(o string) bool { return want == fold(o) })
}

// Subdivisions returns the subdivisions of a country that the table has, in its order. Closed says that addresses of
// the country have no other: they are written by codes that have not changed for decades. The lists of others are older
// than some of their provinces (Indonesia's of 2022, Korea's of 2023, Italy's of 2025), so another text passes there.
func Subdivisions(countryCode string) (all []Division, isClosed bool) {
	c := countries()[countryCode]
	if c == nil {
		return nil, false
	}
	return slices.Clone(c.subdivisions()), closed(countryCode)
}

func closed(countryCode string) bool {
	switch countryCode {
	case "AU", "BR", "CA", "US":
		return true
	}
	return false
}

func parseDivisions(countryCode, text string) []Division {
	if text == "" {
		return nil
	}
	var all []Division
	for entry := range strings.SplitSeq(text, "~") {
		f := append(strings.Split(entry, "|"), "", "", "")
		d := Division{Key: f[0], Name: f[2], Latin: f[3]}
		if f[1] != "" {
			d.Code = countryCode + "-" + f[1]
		}
		if d.Name == "" {
			d.Name = d.Key
		}
		if d.Latin == "" {
			d.Latin = latinOf(d.Name, d.Key)
		}
		if n := len(f) - 3; n > 4 {
			d.others = f[4:n]
		}
		all = append(all, d)
	}
	return all
}

// latinOf returns the first of two names that is in Latin letters, and the first when none is.
func latinOf(name, other string) string {
	foreign := func(r rune) bool { return unicode.IsLetter(r) && !unicode.Is(unicode.Latin, r) }
	if strings.ContainsFunc(name, foreign) && !strings.ContainsFunc(other, foreign) {
		return other
	}
	return name
}

// fold returns a text without what is written in several ways: its letters and digits, in lower case, without accents.
func fold(text string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			return -1
		}
		r = unicode.ToLower(r)
		if plain, ok := accents[r]; ok {
			return plain
		}
		return r
	}, text)
}

// accents holds the letters with accents of the names in the table, and what they are without.
var accents = func() map[rune]rune {
	m := map[rune]rune{}
	for plain, letters := range map[rune]string{
		'a': "áàâãäåāăą", 'c': "çćč", 'd': "ďđ", 'e': "éèêëēėęě", 'g': "ğģ", 'i': "íìîïīįı", 'l': "ļľł", 'n': "ñńņň",
		'o': "óòôõöøōő", 'r': "ŕř", 's': "śşšș", 't': "ťțţ", 'u': "úùûüūůűų", 'y': "ýÿ", 'z': "źżž",
	} {
		for _, r := range letters {
			m[r] = plain
		}
	}
	return m
}()
