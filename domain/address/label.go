package address

import "strings"

// Addressee is to whom a label goes. Either may be empty.
type Addressee struct{ Name, Company string }

// Script is for whom a label is written.
type Script int

const (
	// Local is a label for post within the country: in its own order of lines, and without the country.
	Local Script = iota
	// Latin is a label for post from abroad, in the order of an address in Latin letters. Known subdivisions are in
	// Latin letters, and the country's English name is the last line. What was typed in other letters stays so.
	Latin
)

// Label returns the lines of a label. Parts that are empty leave no trace. The lines of an unknown country are those of
// most countries.
func (a Address) Label(to Addressee, script Script) []string {
	c := countries()[a.Country]
	if c == nil {
		c = &country{format: restFormat, latin: restFormat, name: a.Country}
	}
	format := c.format
	if script == Latin {
		format = c.latin
	}
	lines := fill(format, func(field byte) string {
		text := a.part(c, to, field, script)
		if strings.IndexByte(c.upper, field) >= 0 {
			text = strings.ToUpper(text)
		}
		return text
	})
	if script == Latin {
		lines = append(lines, strings.ToUpper(c.name))
	}
	return lines
}

// restFormat is that of countries without one of their own.
const restFormat = "%N%n%O%n%A%n%C"

// part returns what a field of a format stands for.
func (a Address) part(c *country, to Addressee, field byte, script Script) string {
	switch field {
	case fieldName:
		return to.Name
	case fieldCompany:
		return to.Company
	case fieldLines:
		return strings.Trim(a.Line1+"\n"+a.Line2, "\n")
	case fieldDependent:
		return a.DependentLocality
	case fieldCity:
		return a.City
	case fieldZip:
		return c.zipOnLabel(a.Zip)
	case fieldState:
		d, known := Subdivision(a.Country, a.State)
		switch {
		case known && closed(a.Country):
			return d.Key
		case known && script == Latin:
			return d.Latin
		}
		return a.State
	}
	return ""
}

// zipOnLabel returns a postal code without the country's prefix, where the format writes the prefix.
func (c *country) zipOnLabel(zip string) string {
	prefix := c.code + "-"
	if strings.Contains(c.format, prefix+"%Z") && len(zip) > len(prefix) && strings.EqualFold(zip[:len(prefix)], prefix) {
		return zip[len(prefix):]
	}
	return zip
}

// token is a field of a format, or a text that stands there as it is, or the begin of a new line.
type token struct {
	field   byte
	text    string
	newline bool
}

func tokens(format string) []token {
	var all []token
	for format != "" {
		if format[0] == '%' && len(format) > 1 {
			if format[1] == 'n' {
				all = append(all, token{newline: true})
			} else {
				all = append(all, token{field: format[1]})
			}
			format = format[2:]
			continue
		}
		n := strings.IndexByte(format, '%')
		if n < 0 {
			n = len(format)
		}
		all = append(all, token{text: format[:n]})
		format = format[n:]
	}
	return all
}

// fill returns the lines of a format with its fields filled in. A text between fields stays only where the fields
// beside it are there, as in libaddressinput's AddressFormatter.
func fill(format string, part func(field byte) string) []string {
	all := tokens(format)
	parts := make([]string, len(all))
	for i, t := range all {
		switch {
		case t.field != fieldNone:
			parts[i] = part(t.field)
		case !t.newline:
			parts[i] = t.text
		}
	}
	missing := func(i int) bool { return i >= 0 && i < len(all) && all[i].field != fieldNone && parts[i] == "" }
	var lines []string
	var line strings.Builder
	end := func() {
		for text := range strings.SplitSeq(line.String(), "\n") {
			if text = strings.TrimSpace(text); text != "" {
				lines = append(lines, text)
			}
		}
		line.Reset()
	}
	for i, t := range all {
		switch {
		case t.newline:
			end()
		case t.field == fieldNone && (missing(i-1) || missing(i+1)):
		default:
			line.WriteString(parts[i])
		}
	}
	end()
	return lines
}
