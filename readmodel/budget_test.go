//go:build budgets

package readmodel

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

// What is answered from the cache costs no memory.
func TestBudgetOfALocalCacheHit(t *testing.T) {
	c := NewLocalCache(time.Minute)
	c.touch(time.Now())
	id := uuid.New()
	c.Put(t.Context(), Shown{OrderID: id, Version: 1})
	require.Zero(t, testing.AllocsPerRun(100, func() {
		if _, ok := c.Get(t.Context(), id); !ok {
			t.Fatal("not there")
		}
	}))
}
