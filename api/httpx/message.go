package api

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// textProblem says what is wrong with a text that people wrote, "" when nothing is.
func textProblem(s string, lengthMax int) string {
	switch {
	case strings.TrimSpace(s) == "":
		return "is required"
	case utf8.RuneCountInString(s) > lengthMax:
		return fmt.Sprintf("has at most %d characters", lengthMax)
	case strings.IndexFunc(s, unicode.IsControl) >= 0:
		return "holds a control character"
	}
	return ""
}

// idProblem says what is wrong with an id that another system gave, "" when nothing is.
func idProblem(s string, lengthMax int) string {
	if p := textProblem(s, lengthMax); p != "" {
		return p
	}
	if strings.TrimSpace(s) != s {
		return "holds white space at an end"
	}
	return ""
}
