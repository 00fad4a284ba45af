package order_test

import (
	"encoding/binary"
	"testing"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestNumberIsForEver(t *testing.T) {
	t.Parallel()
	// Customers have it on paper, so it must never change.
	require.Equal(t, "ORD-878B-MNH4-2WW3", order.Number(orderID))
}

func TestNumberCanBeReadOverTheTelephone(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var id uuid.UUID
		copy(id[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "id"))
		require.Regexp(t, `^ORD(-[0-9ABCDEFGHJKMNPQRSTVWXYZ]{4}){3}$`, order.Number(id))
	})
}

func TestNumbersDoNotCollide(t *testing.T) {
	t.Parallel()
	seen := make(map[string]struct{}, 200_000)
	for i := range 200_000 {
		var id uuid.UUID
		binary.BigEndian.PutUint64(id[8:], uint64(i)) // neighbouring ids, the hardest for a bad hash
		seen[order.Number(id)] = struct{}{}
	}
	require.Len(t, seen, 200_000)
}
