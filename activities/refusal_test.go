package activities_test

import (
	"errors"
	"fmt"
	"testing"

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
