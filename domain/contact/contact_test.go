package contact_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/contact"
	"github.com/stretchr/testify/require"
)

func TestPhoneNumbersAreE164(t *testing.T) {
	t.Parallel()
	for text, c := range map[string]struct{ country, number string }{
		"030 1234567":         {"DE", "+49301234567"},
		"+49 (0)30 / 1234567": {"FR", "+49301234567"},
		"0049 30 1234567":     {"DE", "+49301234567"},
		"(775) 334-2190":      {"US", "+17753342190"},
		"775.334.2190":        {"CA", "+17753342190"},
		"020 7946 0958":       {"GB", "+442079460958"},
		"0312345678":          {"IT", "+390312345678"},
		"０３-１２３４-５６７８":        {"JP", "+81312345678"},
		"50 123 4567":         {"AE", "+971501234567"},
		"+383 44 123 456":     {"XK", "+38344123456"},
		"  ":                  {"DE", ""},
		"\u200b":              {"DE", ""},
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			var bad domain.Invalids
			require.Equal(t, c.number, contact.Phone(&bad, "phone", text, c.country))
			require.Empty(t, bad)
		})
	}
}

func TestWhatIsNoPhoneNumberIsBlamed(t *testing.T) {
	t.Parallel()
	for text, country := range map[string]string{
		"12":                      "DE",
		"call me":                 "DE",
		"+49":                     "DE",
		"+999 123456":             "DE",
		"775 334 219":             "US",
		"775 334 21900":           "US",
		"030 1234567":             "",
		"030 1234567 ext. 12":     "DE",
		"030\n1234567":            "DE",
		strings.Repeat("1", 1000): "DE",
	} {
		t.Run(domain.Clip(text), func(t *testing.T) {
			t.Parallel()
			var bad domain.Invalids
			require.Empty(t, contact.Phone(&bad, "recipient.phone", text, country))
			require.Len(t, bad, 1)
			require.Equal(t, "recipient.phone", bad[0].Field)
			require.NotContains(t, bad[0].Message, "1234567", "it may be personal")
		})
	}
}

func TestEmailAddresses(t *testing.T) {
	t.Parallel()
	for text, email := range map[string]string{
		"Ada.Lovelace@Example.COM":       "Ada.Lovelace@example.com",
		"  ada@example.com\u200b":        "ada@example.com",
		"ada+orders@mail.example.com":    "ada+orders@mail.example.com",
		"o'brien@example.ie":             "o'brien@example.ie",
		"jörg@bücher.example":            "jörg@bücher.example",
		"用户@例え.jp":                       "用户@例え.jp",
		strings.Repeat("a", 64) + "@b.c": strings.Repeat("a", 64) + "@b.c",
		"":                               "",
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			var bad domain.Invalids
			require.Equal(t, email, contact.Email(&bad, "email", text))
			require.Empty(t, bad)
		})
	}
	for _, text := range []string{
		"ada", "ada@", "@example.com", "ada@localhost", "ada@example..com", "ada@-example.com", "ada@[127.0.0.1]", "a@b@example.com",
		"Ada <ada@example.com>", "ada@example.com (work)", "ada@example.com, bob@example.com", "ada @example.com", `"a b"@example.com`, `"a.b"@example.com`,
		"ada\u200b@example.com", "ada\n@example.com", "ada@exam_ple.com", strings.Repeat("a", 65) + "@b.c", "a@" + strings.Repeat("b.", 126) + "c", "\xff@b.c",
	} {
		t.Run("not "+text, func(t *testing.T) {
			t.Parallel()
			var bad domain.Invalids
			require.Empty(t, contact.Email(&bad, "recipient.email", text), "%q", text)
			require.Len(t, bad, 1)
			require.Equal(t, "recipient.email", bad[0].Field)
			require.Equal(t, "is no email address, such as name@example.com", bad[0].Message, "it tells nothing of the text")
		})
	}
}

// One that was given in any spelling is found by any other.
func TestFindableForms(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"Ada@Example.com", "ada@example.COM", " ADA@EXAMPLE.COM "} {
		email, ok := contact.FindableEmail(text)
		require.True(t, ok)
		require.Equal(t, "ada@example.com", email)
	}
	for _, text := range []string{"+49 30 1234567", "+49 (0)30-1234567"} {
		phone, ok := contact.FindablePhone(text)
		require.True(t, ok)
		require.Equal(t, "+49301234567", phone)
	}
	for _, text := range []string{"", "ada", "030 1234567"} {
		_, email := contact.FindableEmail(text)
		_, phone := contact.FindablePhone(text)
		require.False(t, email || phone, text)
	}
}

func ExamplePhone() {
	var bad domain.Invalids
	fmt.Println(contact.Phone(&bad, "recipient.phone", "030 1234567", "DE"), bad.Err())
	// Output: +49301234567 <nil>
}
