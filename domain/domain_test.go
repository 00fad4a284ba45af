package domain_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestErrorsAreComparedByCode(t *testing.T) {
	t.Parallel()
	cause := errors.New("cause")
	err := fmt.Errorf("cancel: %w", &domain.Error{Code: "not_cancellable", Message: "it has left", Err: cause})
	require.ErrorIs(t, err, domain.Refuse("not_cancellable", ""))
	require.NotErrorIs(t, err, domain.Refuse("not_found", ""))
	require.ErrorIs(t, err, cause)
	require.EqualValues(t, "not_cancellable", domain.Code(err))
	require.Empty(t, domain.Code(cause))
	require.Empty(t, domain.Code(nil))
}

func TestInvalidsNameEveryField(t *testing.T) {
	t.Parallel()
	var bad domain.Invalids
	require.NoError(t, bad.Err(), "nothing wrong is no error")
	bad.Add("items[0].quantity", "must be at least %d", 1)
	bad.Add("customer_id", "is required")
	require.EqualError(t, bad.Err(), "invalid: items[0].quantity: must be at least 1; invalid: customer_id: is required")
	require.Equal(t, domain.CodeInvalid, domain.Code(fmt.Errorf("place: %w", bad.Err())))
}

func TestIDsOfOthers(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"A", "sku-1/red", "Größe 42", "商品", strings.Repeat("x", domain.IDLengthMax)} {
		var bad domain.Invalids
		bad.ID("sku", id)
		require.Empty(t, bad, id)
	}
	for _, id := range []string{
		"", " A", "A ", "\t", "A\nB", "A\x00", "A\x7f", "\xff", "A\u200bB", "A\u202eB", "A\u00a0B", strings.Repeat("x", domain.IDLengthMax+1),
	} {
		var bad domain.Invalids
		bad.ID("sku", id)
		require.Len(t, bad, 1, "%q", id)
		require.Equal(t, "sku", bad[0].Field)
	}
}

func TestTexts(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "ok", "Straße 5, 3. Stock", "نیم\u200cفاصله", strings.Repeat("ü", 10)} {
		var bad domain.Invalids
		bad.Text("reason", text, 20)
		require.Empty(t, bad, text)
	}
	for _, text := range []string{"a\x00b", "a\nb", "\xff", strings.Repeat("ü", 21)} {
		var bad domain.Invalids
		bad.Text("reason", text, 20)
		require.Len(t, bad, 1, "%q", text)
	}
}

func TestClip(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                                "",
		"short":                           "short",
		strings.Repeat("x", 40):           strings.Repeat("x", 40),
		strings.Repeat("x", 41):           strings.Repeat("x", 40) + "…",
		"a" + strings.Repeat("é", 39):     "a" + strings.Repeat("é", 39),
		"a" + strings.Repeat("é", 40):     "a" + strings.Repeat("é", 39) + "…",
		strings.Repeat("商", 100):          strings.Repeat("商", 40) + "…",
		"a\xffb":                          "a\ufffdb",
		strings.Repeat("\xff", 50) + "ab": "\ufffd…",
	} {
		t.Run(domain.Clip(text), func(t *testing.T) {
			t.Parallel()
			require.Equal(t, want, domain.Clip(text), "%q", text)
		})
	}
	// A text that is cut between any two bytes, and one of any bytes: protobuf must take what a message shows of them.
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.StringN(0, 100, -1), rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 100), func(b []byte) string { return string(b) })).Draw(t, "text")
		text = text[:rapid.IntRange(0, len(text)).Draw(t, "cut")]
		clipped := domain.Clip(text)
		require.True(t, utf8.ValidString(clipped), "%q", clipped)
		require.LessOrEqual(t, utf8.RuneCountInString(clipped), domain.ClipMax+1)
		if utf8.ValidString(text) {
			require.True(t, strings.HasPrefix(text, strings.TrimSuffix(clipped, "…")), "%q of %q", clipped, text)
		}
	})
}

func TestWhatIsRefusedIsAlwaysUTF8(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := string(rapid.SliceOf(rapid.Byte()).Draw(t, "text"))
		require.True(t, utf8.ValidString(domain.Refuse(domain.CodeNotFound, "there is no %s", text).Error()))
		bad := domain.Invalids{domain.Invalid(text, "%s is wrong", text)}
		require.True(t, utf8.ValidString(bad.Error()))
		require.True(t, utf8.ValidString(bad.Message()))
	})
}

func TestSameJSON(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{`{"a":1,"b":[1,2]}`, `{ "b": [1, 2], "a": 1.0 }`, true},
		{`{"a":1}`, `{"a":2}`, false},
		{`[1,2]`, `[2,1]`, false},
		{`{"a":null}`, `{}`, false},
		{`no JSON`, `no JSON`, true},
		{`no JSON`, `{}`, false},
	} {
		t.Run(c.a+" and "+c.b, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.same, domain.SameJSON([]byte(c.a), []byte(c.b)), "%s and %s", c.a, c.b)
		})
	}
}

func TestDerivedIDsAreForEver(t *testing.T) {
	t.Parallel()
	// Stored data depends on it: this value, which Python's uuid.uuid5 gives too, must never change.
	require.Equal(t, "f3e951bb-a80b-5e6c-a038-a56ee0caa25d", domain.DerivedID(uuid.Nil, "x").String())
	require.NotEqual(t, domain.DerivedID(uuid.Nil, "x"), domain.DerivedID(uuid.Nil, "y"))
}

func ExampleInvalids() {
	var bad domain.Invalids
	bad.ID("customer_id", "")
	bad.Add("items", "an order has at least one item")
	fmt.Println(bad.Err())
	// Output: invalid: customer_id: is required; invalid: items: an order has at least one item
}
