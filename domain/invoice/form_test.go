package invoice_test

import (
	"testing"
	"time"

	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/invoice"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

var date = time.Date(2026, 11, 27, 8, 0, 0, 0, time.UTC)

func TestFormsNameSeriesAndNumbers(t *testing.T) {
	t.Parallel()
	for form, want := range map[string][2]string{
		"INV-{channel}-{year}-{number:06}": {"INV-web-2026-", "INV-web-2026-000042"},
		"{number}":                         {"", "42"},
		"RE/{year}/{number:04}":            {"RE/2026/", "RE/2026/0042"},
		"{channel}.{number:012}":           {"web.", "web.000000000042"},
	} {
		f, err := invoice.ParseForm(form)
		require.NoError(t, err, form)
		require.Equal(t, form, f.String())
		require.Equal(t, want[0], f.Series("web", date))
		require.Equal(t, want[1], f.Number(f.Series("web", date), 42))
	}
	f, err := invoice.ParseForm("{channel}-{number:02}")
	require.NoError(t, err)
	require.Equal(t, "default-", f.Series("", date))
	require.Equal(t, "default-1000", f.Number("default-", 1000), "numbers grow beyond their digits")
}

func TestFormsThatCanNotBeReadBackAreRefused(t *testing.T) {
	t.Parallel()
	for _, form := range []string{
		"", "INV", "{number}-INV", "INV{year}{number}", "INV1{number}", "{channel}{number}", "{number:0}", "{number:6}", "{number:013}",
		"{month}-{number}", "{year}-{year}-{number}", "a b-{number}", "ä-{number}", "{number}{number}", "{year-{number}",
		"0123456789012345678901234567890123456789012345678901234567890-{number}",
	} {
		_, err := invoice.ParseForm(form)
		require.Equal(t, domain.CodeInvalid, domain.Code(err), form)
	}
}

// Two different numbers never look alike, of whichever channels, years and forms.
func TestNumbersOfTwoSeriesNeverLookAlike(t *testing.T) {
	t.Parallel()
	form := rapid.SampledFrom([]string{"{number}", "{channel}-{number:03}", "{channel}-{year}-{number}", "{year}.{channel}.{number:06}", "a-{number:02}"})
	channel := rapid.StringMatching(`[a1.-]{0,3}`)
	rapid.Check(t, func(t *rapid.T) {
		type numbered struct {
			series string
			n      int64
		}
		draw := func() (numbered, string) {
			f, err := invoice.ParseForm(form.Draw(t, "form"))
			require.NoError(t, err)
			s := f.Series(channel.Draw(t, "channel"), date.AddDate(rapid.IntRange(0, 2).Draw(t, "years"), 0, 0))
			n := numbered{s, rapid.Int64Range(1, 1200).Draw(t, "number")}
			return n, f.Number(n.series, n.n)
		}
		a, textA := draw()
		b, textB := draw()
		if a != b {
			require.NotEqual(t, textA, textB)
		}
	})
}
