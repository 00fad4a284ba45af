package api

import (
	"net/http"
	"testing"

	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/catalog"
	"github.com/stretchr/testify/require"
)

// A process of the old version can't answer for an order that a newer one has written to. That is nobody's rule, and
// passes.
// Fails where every refusal of the domain without a kind of its own is a conflict.
func TestAnEventOfANewerVersionIsNoRuleOfTheBusiness(t *testing.T) {
	t.Parallel()
	_, err := catalog.Decode(domain.Envelope{EventType: "OrderPlaced", EventVersion: 99})
	require.Error(t, err)
	p := asProblem(err)
	require.Equal(t, http.StatusServiceUnavailable, p.Status)
	require.Equal(t, catalog.CodeUnknownEvent, p.Code)
	require.Equal(t, newerVersionRetry, p.RetryAfter)
}
