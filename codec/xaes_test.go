package codec

import (
	"bytes"
	"encoding/hex"
	"testing"

	"github.com/stretchr/testify/require"
)

// The test vectors of the specification, https://c2sp.org/XAES-256-GCM.
func TestXAESTestVectors(t *testing.T) {
	t.Parallel()
	nonce, plaintext := []byte("ABCDEFGHIJKLMNOPQRSTUVWX"), []byte("XAES-256-GCM")
	for _, v := range []struct {
		key        byte
		additional string
		ciphertext string
	}{
		// The first has a CMAC subkey without a carry, the second one with it.
		{0x01, "", "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271"},
		{0x03, "c2sp.org/XAES-256-GCM", "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d"},
	} {
		t.Run(v.ciphertext[:8], func(t *testing.T) {
			t.Parallel()
			x, err := newXAES(bytes.Repeat([]byte{v.key}, SecretBytes))
			require.NoError(t, err)
			got, err := x.seal(nil, nonce, plaintext, []byte(v.additional))
			require.NoError(t, err)
			require.Equal(t, v.ciphertext, hex.EncodeToString(got))
			back, err := x.open(nil, nonce, got, []byte(v.additional))
			require.NoError(t, err)
			require.Equal(t, plaintext, back)
		})
	}
}
