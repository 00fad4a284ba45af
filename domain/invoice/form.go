package invoice

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/orderloom/orderloom/domain"
)

// ChannelDefault stands in numbers for the channel of an order that has none.
const ChannelDefault = "default"

// FormLengthMax bounds a form, in bytes.
const FormLengthMax = 64

// Form is how numbers are written, such as INV-{channel}-{year}-{number:06}.
//
// Everything before {number} names a series, in which numbers count from 1 without a gap. So with {channel} each has a
// series of its own, and with {year} one begins anew each year. Numbers of two series never look alike: a series
// does not end with a digit. The zero value writes nothing.
type Form struct {
	text   string
	series string // with the placeholders
	digits int
}

var numberPlaceholder = regexp.MustCompile(`^\{number(?::0([1-9]|1[0-2]))?\}$`)

// ParseForm reads a form. {number} is its end, and may say how many digits it has at least: {number:06}. Before it
// {channel} and {year} may stand, and letters, digits and . _ - /. Error: invalid.
func ParseForm(text string) (Form, error) {
	at := strings.LastIndexByte(text, '{')
	if at < 0 || len(text) > FormLengthMax {
		return Form{}, domain.Invalid("", "ends with {number} or such as {number:06}, and has at most %d characters", FormLengthMax)
	}
	m := numberPlaceholder.FindStringSubmatch(text[at:])
	if m == nil {
		return Form{}, domain.Invalid("", "ends with {number}, or such as {number:06}")
	}
	f := Form{text: text, series: text[:at]}
	f.digits, _ = strconv.Atoi(m[1]) // none is 0
	literal := strings.NewReplacer("{channel}", "", "{year}", "").Replace(f.series)
	if strings.ContainsFunc(literal, func(r rune) bool { return !isLiteral(r) }) {
		return Form{}, domain.Invalid("", "has {channel}, {year}, letters, digits and . _ - / before {number}")
	}
	if strings.Count(f.series, "{channel}") > 1 || strings.Count(f.series, "{year}") > 1 {
		return Form{}, domain.Invalid("", "has {channel} and {year} at most once")
	}
	if last := f.series; last != "" && (strings.HasSuffix(last, "}") || isDigit(rune(last[len(last)-1]))) {
		return Form{}, domain.Invalid("", "has no digit right before {number}, and a character after {channel} and {year}")
	}
	return f, nil
}

func isDigit(r rune) bool { return r >= '0' && r <= '9' }

func isLiteral(r rune) bool {
	return isDigit(r) || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' || strings.ContainsRune("._-/", r)
}

// String is the form as it was written.
func (f Form) String() string { return f.text }

// Series names the series of a channel at a date.
func (f Form) Series(channel string, date time.Time) string {
	if channel == "" {
		channel = ChannelDefault
	}
	return strings.NewReplacer("{channel}", channel, "{year}", fmt.Sprintf("%04d", date.Year())).Replace(f.series)
}

// Number writes a number of a series.
func (f Form) Number(series string, n int64) string {
	return fmt.Sprintf("%s%0*d", series, f.digits, n)
}

// Forms are how the numbers of each kind are written, and by which clock they are dated.
type Forms struct {
	Invoice, CreditNote Form
	// Zone is where the day and the year of a document begin.
	Zone *time.Location
}

// Of returns the form of a kind.
func (f Forms) Of(k Kind) Form {
	if k == KindCreditNote {
		return f.CreditNote
	}
	return f.Invoice
}
