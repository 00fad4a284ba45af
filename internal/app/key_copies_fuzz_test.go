package app

import (
	"encoding/json"
	"testing"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/privacy"
	"github.com/stretchr/testify/require"
)

// FuzzReadCopy reads anything as a copy of a customer's key, as "orderloom recover" does. What is one has the name
// under which it lies, and reads back as written.
func FuzzReadCopy(f *testing.F) {
	store := uuid.MustParse("3f0f2c5e-5d0a-5b8e-9d53-6f2f9a0f7c11")
	whole := privacy.Copy{Subject: "cus_1", Generation: 1, MasterKey: "k", Wrapped: []byte{1, 2, 3}}
	text, err := json.Marshal(whole)
	require.NoError(f, err)
	f.Add(copyName(store, whole), text)
	for _, text := range []string{"", "null", "{}", "[]", `{"subject": 1}`, `{"generation": -1}`, `{"generation": 1e99}`, `{"wrapped": "!"}`} {
		f.Add(store.String()+"/", []byte(text))
	}
	f.Fuzz(func(t *testing.T, name string, value []byte) {
		c, err := readCopy(store, name, value)
		if err != nil {
			require.Zero(t, c)
			return
		}
		require.Equal(t, copyName(store, c), name)
		text, err := json.Marshal(c)
		require.NoError(t, err)
		again, err := readCopy(store, name, text)
		require.NoError(t, err)
		require.Equal(t, c, again)
	})
}
