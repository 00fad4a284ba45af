package app

import (
	"log/slog"
	"testing"

	"github.com/orderloom/orderloom/internal/config"
	"github.com/orderloom/orderloom/internal/telemetry"
	"github.com/stretchr/testify/require"
)

// A worker starts without an answer of the schema registry, and goes on asking. Without a registry it asks nobody.
func TestAWorkerAsksASchemaRegistryThatIsAwayUntilItAnswers(t *testing.T) {
	t.Parallel()
	tel := &telemetry.Telemetry{Logger: slog.New(slog.DiscardHandler)}
	r, asking, err := openRegistry(t.Context(), config.Kafka{SchemaRegistryURL: "http://127.0.0.1:1"}, tel)
	require.NoError(t, err)
	require.NotNil(t, r)
	require.Len(t, asking, 1)
	r, asking, err = openRegistry(t.Context(), config.Kafka{}, tel)
	require.NoError(t, err)
	require.Nil(t, r)
	require.Empty(t, asking)
}
