package eventstore_test

import (
	"testing"

	"github.com/orderloom/orderloom/eventstore"
	"github.com/orderloom/orderloom/internal/testing/pgtest"
	"github.com/orderloom/orderloom/internal/testing/storetest"
	"github.com/stretchr/testify/require"
)

func open(t testing.TB) *eventstore.Store {
	t.Helper()
	store, err := eventstore.Open(t.Context(), pgtest.Pool(t), eventstore.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { _ = store.Close(t.Context()) })
	return store
}

func TestPostgresConforms(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) storetest.Store { return open(t) })
}

func TestMemoryConforms(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(*testing.T) storetest.Store { return eventstore.NewMemory() })
}
