package codec

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/proto"
)

// FuzzDecode decodes anything as a payload: as it comes, and sealed by a known key. What can't be read is an error and
// changes nothing; what was sealed is never more than the largest payload.
func FuzzDecode(f *testing.F) {
	c, err := New(Options{Keys: []Key{{ID: "k", Secret: bytes.Repeat([]byte{7}, SecretBytes)}}})
	require.NoError(f, err)
	small := &commonpb.Payload{Metadata: map[string][]byte{converter.MetadataEncoding: []byte("json/plain")}, Data: []byte(`"text"`)}
	large := &commonpb.Payload{Data: bytes.Repeat([]byte("text"), compressFrom)}
	for _, p := range []*commonpb.Payload{small, large} {
		sealed, err := c.Encode([]*commonpb.Payload{p})
		require.NoError(f, err)
		f.Add(Encoding, "k", sealed[0].GetData())
		f.Add(Encoding, "k", sealed[0].GetData()[:len(sealed[0].GetData())-1])
		plain, err := c.append([]byte{packedPlain}, p, proto.Size(p))
		require.NoError(f, err)
		f.Add(Encoding, "", plain)
	}
	for _, data := range [][]byte{nil, {packedZstd}, {packedZstd, 0x28, 0xb5, 0x2f, 0xfd, 0xff}, {2}, bytes.Repeat([]byte{0}, overheadBytes)} {
		f.Add(Encoding, "k", data)
	}
	f.Add("json/plain", "", []byte("{"))
	f.Fuzz(func(t *testing.T, encoding, id string, data []byte) {
		in := &commonpb.Payload{Metadata: map[string][]byte{converter.MetadataEncoding: []byte(encoding), MetadataKeyID: []byte(id)}, Data: data}
		kept := proto.Clone(in)
		out, err := c.Decode([]*commonpb.Payload{in})
		require.True(t, proto.Equal(kept, in), "it was changed")
		if encoding != Encoding {
			require.NoError(t, err)
			require.True(t, proto.Equal(kept, out[0]))
		}
		if len(data) == 0 || len(data) > PayloadBytesMax {
			return
		}
		nonce := bytes.Repeat([]byte{9}, nonceBytes)
		sealed, err := c.current.seal(nonce, nonce, data, additional)
		require.NoError(t, err)
		in.Metadata = map[string][]byte{converter.MetadataEncoding: []byte(Encoding), MetadataKeyID: []byte("k")}
		in.Data = sealed
		if out, err = c.Decode([]*commonpb.Payload{in}); err == nil {
			require.LessOrEqual(t, proto.Size(out[0]), PayloadBytesMax)
		}
	})
}
