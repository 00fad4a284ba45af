package activities_test

import (
	"errors"
	"testing"
	"time"

	"github.com/orderloom/orderloom/activities"
	"github.com/orderloom/orderloom/internal/breaker"
	"github.com/orderloom/orderloom/payments"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
)

func TestAStepWhoseGatewayIsNotAskedSaysWhenItIsTriedAgain(t *testing.T) {
	t.Parallel()
	turnedAway := &payments.TurnedAwayError{
		RetryAfter: 17 * time.Second, Open: &breaker.OpenError{Of: "payment_gateway", Cause: errors.New("connection refused")},
	}
	var app *temporal.ApplicationError
	require.ErrorAs(t, activities.Refusal(turnedAway), &app)
	require.False(t, app.NonRetryable())
	require.Equal(t, 17*time.Second, app.NextRetryDelay())
	require.Equal(t, string(activities.CodeGatewayUnavailable), app.Type())
	require.ErrorContains(t, app, "connection refused")
}
