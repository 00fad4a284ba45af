package httpx

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	gojson "github.com/go-json-experiment/json"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
)

// FuzzReadText holds the reader against encoding/json: what is no JSON to one is none to the other, but for what the
// reader refuses on purpose. It never takes a text that is not UTF-8.
func FuzzReadText(f *testing.F) {
	for _, seed := range []string{
		"{}", "[]", "null", "{", `{"a": "\u00e9\ud83d\ude00"}`, `{"a": [{"b": 1e2, "c": 0.10}]}`, `{"a": "1.0", "a": []}`,
		`{"x": [[[[{"y": null}]]]]}`, "\ufeff{}", `{"a": "\ud800"}`, `{"a":1}x`, `[-0, -0.0e-5, 1e999, 1E+2]`, `[1, "a", [], true, null, false]`,
		"{\"a\": \"\xff\"}", "{\"\xff\": 1}", `{"a":1,}`, `[nul]`, "\"a\tb\"", `["\x"]`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var r textReader
		value, err := r.read(text)
		if err != nil {
			var syntax *syntaxError
			require.ErrorAs(t, err, &syntax)
			require.True(t, syntax.Offset >= 0 && syntax.Offset <= len(text) && syntax.Line >= 1 && syntax.Column >= 1)
			onPurpose := !utf8.Valid(text) || strings.Contains(syntax.message, "levels deep") || strings.Contains(syntax.message, "surrogate")
			require.True(t, onPurpose || !json.Valid(text), "%v: %q", err, text)
			return
		}
		require.True(t, json.Valid(text) && utf8.Valid(text), "%q", text)
		for _, e := range r.faults.fieldErrors(value) {
			require.NotEmpty(t, e.Message)
			require.True(t, utf8.ValidString(e.Field+e.Pointer+e.Message))
		}
		if len(r.faults) > 0 {
			return
		}
		d := json.NewDecoder(strings.NewReader(string(text)))
		d.UseNumber()
		var theirs any
		require.NoError(t, d.Decode(&theirs))
		ours, err := json.Marshal(value)
		require.NoError(t, err)
		same, err := json.Marshal(theirs)
		require.NoError(t, err)
		require.Equal(t, zeroes(same), zeroes(ours), "%q", text)
	})
}

// zeroes writes all zeroes alike: the reader does.
func zeroes(text []byte) string {
	var v any
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.UseNumber()
	if d.Decode(&v) != nil {
		return string(text)
	}
	var walk func(v any) any
	walk = func(v any) any {
		switch v := v.(type) {
		case map[string]any:
			for name := range v {
				v[name] = walk(v[name])
			}
		case []any:
			for i := range v {
				v[i] = walk(v[i])
			}
		case json.Number:
			if mantissa, _, _ := strings.Cut(strings.ToLower(v.String()), "e"); strings.Trim(mantissa, "-0.") == "" {
				return json.Number("0")
			}
		}
		return v
	}
	out, _ := json.Marshal(walk(v))
	return string(out)
}

func TestDecoderReadsNumbersExactly(t *testing.T) {
	t.Parallel()
	for text, amount := range map[string]string{
		`0.1`: "0.1", `"0.10"`: "0.1", `1e2`: "100", `1.5E-1`: "0.15", `-0`: "0", `123456789012345678901234567890`: "123456789012345678901234567890",
		`"99999999999999.99"`: "99999999999999.99", `0.30000000000000004`: "0.30000000000000004",
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			var r textReader
			_, err := r.read([]byte(text))
			require.NoError(t, err)
			require.Empty(t, r.faults)
			var got decimal.Decimal
			require.NoError(t, gojson.Unmarshal([]byte(text), &got, decodeOptions))
			require.True(t, got.Equal(decimal.RequireFromString(amount)), "%s became %s", text, got)
		})
	}
	for text, n := range map[string]int{`0`: 0, `-7`: -7, `3.0`: 3, `1e3`: 1000, `12300e-2`: 123, `0e999999999`: 0, `0.0e-99`: 0} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			var r textReader
			_, err := r.read([]byte(text))
			require.NoError(t, err)
			require.Empty(t, r.faults)
			var got int
			require.NoError(t, gojson.Unmarshal([]byte(text), &got, decodeOptions))
			require.Equal(t, n, got)
		})
	}
	for _, text := range []string{`0.5`, `1e40`, `"1"`, `true`, `1e-1`} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			var got int
			require.Error(t, gojson.Unmarshal([]byte(text), &got, decodeOptions))
		})
	}
}

func TestDecoderReadsEscapes(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`"a\"\\\/\b\f\n\r\t\u00e9z"`: "a\"\\/\b\f\n\r\té" + "z", `"\ud83d\ude00"`: "😀", `"\uFFFD"`: "\ufffd", `"ü"`: "ü", `""`: "",
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			var r textReader
			got, err := r.read([]byte(text))
			require.NoError(t, err)
			require.Equal(t, want, got)
			var decoded string
			require.NoError(t, gojson.Unmarshal([]byte(text), &decoded, decodeOptions))
			require.Equal(t, want, decoded)
		})
	}
	for _, text := range []string{`"\ud83d"`, `"\ude00\ud83d"`, `"\ud83dx"`, `"\u12"`, `"\u123g"`, `"\`, `"\x41"`} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			var r textReader
			_, err := r.read([]byte(text))
			require.Error(t, err)
		})
	}
}

func TestDecoderPointers(t *testing.T) {
	t.Parallel()
	l := newLibrary(t)
	var r textReader
	value, err := r.read([]byte(`{"a/b~c": 1, "": 2, "` + strings.Repeat("ü", 60) + `": 3}`))
	require.NoError(t, err)
	book, err := l.router.contract.Schema("components", "schemas", "Book")
	require.NoError(t, err)
	l.router.contract.check(book, value, &r.faults)
	var pointers, fields []string
	for _, e := range r.faults.fieldErrors(value) {
		pointers, fields = append(pointers, e.Pointer), append(fields, e.Field)
	}
	require.Equal(t, []string{"#/", "#/a~1b~0c", "#/price", "#/title", "#/" + strings.Repeat("ü", 40) + "…"}, pointers)
	require.Equal(t, []string{"", "a/b~c", "price", "title", strings.Repeat("ü", 40) + "…"}, fields)
}

// A stranger's text must not keep the decoder busy for longer than reading it takes.
func TestDecoderIsLinear(t *testing.T) {
	t.Parallel()
	l := newLibrary(t)
	book, err := l.router.contract.Schema("components", "schemas", "Book")
	require.NoError(t, err)
	for _, text := range []string{
		strings.Repeat("[", 200_000), strings.Repeat(`{"a":`, 50_000), `{"title":"` + strings.Repeat(`\u0041`, 40_000) + `"}`,
		`{` + strings.TrimSuffix(strings.Repeat(`"k":1,`, 40_000), ",") + `}`, `[` + strings.Repeat("9", 200_000) + `]`,
		`{"parts":[` + strings.TrimSuffix(strings.Repeat(`1,`, 100_000), ",") + `]}`, `{"pages":1e99,"delta":1e-99}`,
	} {
		t.Run(text[:8], func(t *testing.T) {
			t.Parallel()
			var r textReader
			value, err := r.read([]byte(text))
			if err == nil {
				l.router.contract.check(book, value, &r.faults)
			}
			require.LessOrEqual(t, len(r.faults), errorsMax)
		})
	}
}

// Nothing of one text is held, or seen, by the next.
func TestTheReaderForgets(t *testing.T) {
	t.Parallel()
	var r textReader
	_, err := r.read([]byte(`{"secret": 1, "secret": 2}`))
	require.NoError(t, err)
	require.Len(t, r.faults, 1)
	r.forget()
	require.Empty(t, r.faults)
	require.Empty(t, r.faults[:cap(r.faults)][0].location)
	require.Zero(t, r.source.Len())
}
