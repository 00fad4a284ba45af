package address

import "strings"

// ZipExamples returns the examples of a country's postal codes.
func ZipExamples(code string) []string {
	if c := countries()[code]; c.zipExamples != "" {
		return strings.Split(c.zipExamples, ",")
	}
	return nil
}

// HasZip reports whether a text has the form of a country's postal codes.
func HasZip(code, zip string) bool { return countries()[code].hasZip(zip) }
