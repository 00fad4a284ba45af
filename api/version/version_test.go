package version_test

import (
	"net/url"
	"testing"

	"github.com/orderloom/orderloom/api/version"
	"github.com/stretchr/testify/require"
)

// three has two changes: a is b since the second version, and c since the third.
func three() *version.History {
	rename := func(from, to string) func(map[string]any) {
		return func(o map[string]any) { version.Rename(o, from, to) }
	}
	return version.New("2026-11-27",
		version.Change{
			To: "2027-01-01", About: "a is called b.",
			Queries: map[string]func(url.Values){"GET /things": func(q url.Values) { q["b"] = q["a"]; delete(q, "a") }},
			Bodies:  map[string]func(map[string]any){"POST /things": rename("a", "b")},
			Answers: map[string]func(map[string]any){"Thing": rename("b", "a")},
		},
		version.Change{
			To: "2027-02-01", About: "b is called c.",
			Bodies:  map[string]func(map[string]any){"POST /things": rename("b", "c")},
			Answers: map[string]func(map[string]any){"Thing": rename("c", "b"), "Other": rename("y", "x")},
		},
	)
}

func TestRequestsGoForwardAndAnswersBackChangeByChange(t *testing.T) {
	t.Parallel()
	h := three()
	require.Equal(t, []version.Version{"2027-02-01", "2027-01-01", "2026-11-27"}, h.Known())
	require.Equal(t, version.Version("2027-02-01"), h.Newest())
	for _, c := range []struct {
		of           version.Version
		name         string
		body, answer bool
	}{{"2026-11-27", "a", true, true}, {"2027-01-01", "b", true, true}, {"2027-02-01", "c", false, false}} {
		require.True(t, h.Knows(c.of))
		require.Equal(t, c.body, h.ChangesBody(c.of, "POST /things"))
		require.False(t, h.ChangesBody(c.of, "POST /others"))
		require.Equal(t, c.answer, h.ChangesAnswers(c.of))
		body := map[string]any{c.name: 1}
		h.Body(c.of, "POST /things", body)
		require.Equal(t, map[string]any{"c": 1}, body)
		h.Answer(c.of, "Thing", body)
		require.Equal(t, map[string]any{c.name: 1}, body)
		other := map[string]any{c.name: 1}
		h.Body(c.of, "POST /others", other)
		require.Equal(t, map[string]any{c.name: 1}, other)
	}
	query := url.Values{"a": {"1"}}
	h.Query("2026-11-27", "GET /things", query)
	require.Equal(t, url.Values{"b": {"1"}}, query)
	h.Query("2027-01-01", "GET /things", query)
	require.Equal(t, url.Values{"b": {"1"}}, query)
}

func TestAMemberThatIsTakenIsNotOverwritten(t *testing.T) {
	t.Parallel()
	o := map[string]any{"a": 1, "b": 2}
	version.Rename(o, "a", "b")
	require.Equal(t, map[string]any{"a": 1, "b": 2}, o)
	version.Rename(o, "c", "d")
	require.Len(t, o, 2)
}

func TestVersionsFollowEachOther(t *testing.T) {
	t.Parallel()
	for _, days := range [][]version.Version{{"2026-11-27", "2026-11-27"}, {"2026-11-27", "2026-11-26"}, {"today"}, {"2026-11-27", "2026-13-01"}} {
		var changes []version.Change
		for _, d := range days[1:] {
			changes = append(changes, version.Change{To: d})
		}
		require.Panics(t, func() { version.New(days[0], changes...) }, "%v", days)
	}
	require.False(t, three().Knows("2027-01-15"))
	require.False(t, three().Knows(""))
}
