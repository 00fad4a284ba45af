package contact

import (
	"net/mail"
	"strings"
	"unicode"

	"github.com/orderloom/orderloom/domain"
)

// Limits of an email address, in bytes (RFC 5321, sections 4.5.3.1.1 to 4.5.3.1.3; the whole without its brackets).
const (
	EmailLengthMax = 254
	localLengthMax = 64
)

// Email returns an email address with its domain in lower case, and blames field when the text is none. An empty text
// is no address, and not blamed.
//
// The check is plain. It takes an addr-spec (RFC 5322, section 3.4.1) without quotes, of the lengths that mail servers
// take, with a domain of at least two labels. Letters may be beyond ASCII (RFC 6532). Whether mail arrives is not
// asked.
func Email(bad *domain.Invalids, field, text string) string {
	if text = domain.Trim(text); text == "" {
		return ""
	}
	local, host, ok := splitEmail(text)
	if !ok {
		bad.Add(field, "is no email address, such as name@example.com")
		return ""
	}
	return local + "@" + strings.ToLower(host)
}

// splitEmail returns the parts of an email address, before the last "@" and after it.
func splitEmail(text string) (local, host string, ok bool) {
	if len(text) > EmailLengthMax || strings.ContainsFunc(text, unseen) {
		return "", "", false
	}
	a, err := mail.ParseAddress(text)
	if err != nil || a.Address != text { // a name or a comment beside the address
		return "", "", false
	}
	at := strings.LastIndexByte(text, '@')
	local, host = text[:at], text[at+1:]
	return local, host, len(local) <= localLengthMax && isHost(host)
}

// unseen reports whether a character is a space or can't be seen. No mailbox that anybody uses has one.
func unseen(r rune) bool {
	return unicode.IsSpace(r) || domain.Blank(string(r)) && !unicode.Is(unicode.M, r)
}

// isHost reports whether a text has the form of a domain of at least two labels (RFC 1123, section 2.1, with letters
// beyond ASCII).
func isHost(host string) bool {
	labels := strings.Split(host, ".")
	for _, label := range labels {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' || strings.ContainsFunc(label, notInLabel) {
			return false
		}
	}
	return len(labels) > 1
}

func notInLabel(r rune) bool {
	return r != '-' && !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.Is(unicode.M, r)
}

// FindableEmail returns the form by which an email address is found: all of it in lower case. Ok is false for a text
// that is none.
//
// A mail server may tell "Ada" from "ada" before the "@" (RFC 5321, section 2.4), and hardly any does. Whoever looks
// for an address types it in any case. What an order shows keeps the case that it was given.
func FindableEmail(text string) (findable string, ok bool) {
	var bad domain.Invalids
	email := Email(&bad, "email", text)
	return strings.ToLower(email), email != ""
}
