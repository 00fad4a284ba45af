package activities_test

import (
	"errors"
	"fmt"
	"testing"
	"unicode/utf8"

	"github.com/orderloom/orderloom/activities"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/catalog"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
)

// While versions change, an old program meets events of the new one. If that were a refusal, an order could be
// cancelled for it.
func TestOnlyTheDomainRefuses(t *testing.T) {
	t.Parallel()
	_, unknown := catalog.Decode(domain.Envelope{EventType: "OrderPlaced", EventVersion: 99})
	for _, err := range []error{unknown, fmt.Errorf("load: %w", unknown), errors.New("no connection")} {
		require.Equal(t, err, activities.Refusal(err), "it is tried again")
	}
	for code, err := range map[domain.ErrorCode]error{
		"not_amendable":    fmt.Errorf("amend: %w", domain.Refuse("not_amendable", "it has left")),
		domain.CodeInvalid: domain.Invalid("by", "is required"),
	} {
		var refused *temporal.ApplicationError
		require.ErrorAs(t, activities.Refusal(err), &refused)
		require.Equal(t, string(code), refused.Type())
		require.True(t, refused.NonRetryable())
	}
}

// Temporal takes no text that is not UTF-8: neither may a step's failure hold one, wherever it comes from.
func TestWhatIsReturnedIsUTF8(t *testing.T) {
	t.Parallel()
	for name, err := range map[string]error{
		"a refusal":                 domain.Refuse(domain.CodeInvalid, "there is no %s", "a\xffb"),
		"a refusal of an input":     domain.Invalids{domain.Invalid("lines[0]", "of %s none is left", "\xc3")},
		"an error of somebody":      errors.New("server said \xff"),
		"a wrapped error":           fmt.Errorf("append: %w", errors.New("\xff\xfe")),
		"an error that is all fine": errors.New("connection reset"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for err := activities.Refusal(err); err != nil; err = errors.Unwrap(err) {
				require.True(t, utf8.ValidString(err.Error()), "%q", err.Error())
			}
		})
	}
	require.NoError(t, activities.Refusal(nil))
}
