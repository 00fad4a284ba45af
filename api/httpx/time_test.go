package httpx

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestATimeIsReadAsTheDocumentAllowsIt(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"2026-11-27T09:30:00Z":             "2026-11-27T09:30:00Z",
		"2026-11-27t09:30:00.25z":          "2026-11-27T09:30:00.25Z",
		"2026-11-27T09:30:00+14:00":        "2026-11-26T19:30:00Z",
		"2026-11-27T09:30:00-00:00":        "2026-11-27T09:30:00Z",
		"2016-12-31T23:59:60Z":             "2017-01-01T00:00:00Z",
		"2017-01-01T05:29:60.5+05:30":      "2017-01-01T00:00:00.5Z",
		"9999-12-31T23:59:59.999999999Z":   "9999-12-31T23:59:59.999999999Z",
		"0000-01-01T00:00:00Z":             "0000-01-01T00:00:00Z",
		"2026-11-27T09:30:00.12345678912Z": "2026-11-27T09:30:00.123456789Z",
	} {
		got, err := ParseTime(text)
		require.NoError(t, err, text)
		require.Equal(t, want, got.Format(time.RFC3339Nano), text)
	}
	for _, text := range []string{
		"", "yesterday", "2026-11-27", "2026-11-27T09:30Z", "2026-11-27T09:30:00", "2026-11-27 09:30:00Z", "2026-11-27T9:30:00Z", "2026-11-27T24:00:00Z",
		"2026-02-30T00:00:00Z", "2026-11-27T09:30:00,5Z", "2026-11-27T09:30:00+24:00", "2026-11-27T09:30:00+01:60", "2026-11-27T09:30:60Z",
		"2026-11-27T09:30:61Z", "9999-12-31T23:59:60Z", "9999-12-31T23:59:59-00:01", "0000-01-01T00:00:00+00:01", "10000-01-01T00:00:00Z", "２026-11-27T09:30:00Z",
	} {
		_, err := ParseTime(text)
		require.Error(t, err, text)
	}
}

// What the document lets through is read: a time in a body, in any of its forms.
func TestATimeOfABodyIsRead(t *testing.T) {
	t.Parallel()
	l := newLibrary(t)
	require.Equal(t, http.StatusCreated, l.send("POST", "/books", `{"title": "Time", "price": "1.50", "printed": "2016-12-31t23:59:60z"}`).Code)
	require.Equal(t, time.Date(2017, 1, 1, 0, 0, 0, 0, time.UTC), l.books[0].Printed)
	require.Equal(t, http.StatusUnprocessableEntity, l.send("POST", "/books", `{"title": "Time", "price": "1.50", "printed": "9999-12-31T23:59:59-01:00"}`).Code)
}
