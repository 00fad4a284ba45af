package access

import (
	"context"
	"runtime"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

// BenchmarkAuthenticate takes a key that is known among ten thousand.
func BenchmarkAuthenticate(b *testing.B) {
	k := NewKeys(KeysOptions{Mode: Test, Connect: nil})
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	s := &snapshot{keys: map[hash]*entry{}, signers: map[uuid.UUID]*signer{}, ids: map[uuid.UUID]*use{}}
	secret := ""
	for range KeysMax {
		secret = newSecret(Test)
		id, u := uuid.New(), &use{}
		s.ids[id] = u
		s.keys[hashOf(secret)] = &entry{caller: &Caller{Account: "shop", ID: id.String(), Role: Storefront, Scopes: Storefront.Scopes()}, use: u}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	k.known.Store(s)
	k.seenAt.Store(time.Now().UnixNano())
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		c, err := k.Authenticate(ctx, secret)
		require.NoError(b, err)
		_ = c
	}
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/KeysMax, "bytes/key")
}
