package codec_test

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/orderloom/orderloom/codec"
	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"
)

// key returns a key whose secret depends on its id and generation.
func key(id string, generation byte) codec.Key {
	secret := bytes.Repeat([]byte{generation}, codec.SecretBytes)
	copy(secret, id)
	return codec.Key{ID: id, Secret: secret}
}

func newCodec(t testing.TB, keys ...codec.Key) *codec.Codec {
	t.Helper()
	c, err := codec.New(codec.Options{Keys: keys})
	require.NoError(t, err)
	return c
}

func payload(t testing.TB, v any) *commonpb.Payload {
	t.Helper()
	p, err := converter.GetDefaultDataConverter().ToPayload(v)
	require.NoError(t, err)
	return p
}

func encode(t testing.TB, c *codec.Codec, p *commonpb.Payload) *commonpb.Payload {
	t.Helper()
	out, err := c.Encode([]*commonpb.Payload{p})
	require.NoError(t, err)
	require.Len(t, out, 1)
	return out[0]
}

func decode(c *codec.Codec, p *commonpb.Payload) (*commonpb.Payload, error) {
	out, err := c.Decode([]*commonpb.Payload{p})
	if err != nil {
		return nil, err
	}
	return out[0], nil
}

func TestEveryPayloadComesBack(t *testing.T) {
	t.Parallel()
	c := newCodec(t, key("k1", 1))
	rapid.Check(t, func(r *rapid.T) {
		original := &commonpb.Payload{
			Metadata: rapid.MapOfN(rapid.StringMatching(`[a-z-]{1,20}`), rapid.SliceOfN(rapid.Byte(), 0, 40), 0, 4).Draw(r, "metadata"),
			Data:     rapid.SliceOfN(rapid.Byte(), 0, 100).Draw(r, "data"),
		}
		// Repeated data is long enough to be compressed, and worth it.
		original.Data = bytes.Repeat(original.Data, rapid.IntRange(0, 100).Draw(r, "times"))
		before := proto.Clone(original).(*commonpb.Payload)

		encrypted := encode(t, c, original)
		require.True(r, proto.Equal(before, original), "the parameter was changed")
		require.Equal(r, codec.Encoding, string(encrypted.Metadata[converter.MetadataEncoding]))
		sealed := proto.Clone(encrypted).(*commonpb.Payload)
		back, err := decode(c, encrypted)
		require.NoError(r, err)
		require.True(r, proto.Equal(original, back))
		require.True(r, proto.Equal(sealed, encrypted), "the parameter was changed")
	})
}

func TestNothingOfAPayloadIsReadable(t *testing.T) {
	t.Parallel()
	c := newCodec(t, key("k1", 1))
	for _, text := range []string{"pm_card_visa", strings.Repeat("pm_card_visa ", 1000)} {
		one, other := encode(t, c, payload(t, text)), encode(t, c, payload(t, text))
		require.NotContains(t, one.String(), "pm_card_visa")
		require.NotContains(t, one.String(), "json/plain")
		require.NotEqual(t, one.Data, other.Data, "equal payloads must not look equal")
	}
}

func TestKeysRotate(t *testing.T) {
	t.Parallel()
	k1, k2, k3 := key("k1", 1), key("k2", 2), key("k3", 3)
	p := payload(t, "hello")
	former := encode(t, newCodec(t, k1), p)

	both := newCodec(t, k2, k1)
	back, err := decode(both, former)
	require.NoError(t, err)
	require.True(t, proto.Equal(p, back))
	require.Equal(t, "k2", string(encode(t, both, p).Metadata[codec.MetadataKeyID]))

	_, err = decode(newCodec(t, k3), former)
	require.ErrorIs(t, err, codec.ErrUnknownKey)
	require.ErrorContains(t, err, `"k1"`)
	_, err = decode(newCodec(t, key("k1", 9)), former)
	require.ErrorIs(t, err, codec.ErrDamaged)
}

func TestPayloadsInTheClearPass(t *testing.T) {
	t.Parallel()
	c := newCodec(t, key("k1", 1))
	for _, p := range []*commonpb.Payload{payload(t, "hello"), payload(t, nil), payload(t, []byte{1}), {}} {
		back, err := decode(c, p)
		require.NoError(t, err)
		require.Same(t, p, back)
	}
}

func TestDecryptOnlyWritesInTheClear(t *testing.T) {
	t.Parallel()
	c, err := codec.New(codec.Options{Keys: []codec.Key{key("k1", 1)}, DecryptOnly: true})
	require.NoError(t, err)
	p := payload(t, "hello")
	require.True(t, proto.Equal(p, encode(t, c, p)))
	back, err := decode(c, encode(t, newCodec(t, key("k1", 1)), p))
	require.NoError(t, err)
	require.True(t, proto.Equal(p, back))
}

func TestAnyChangeIsNoticed(t *testing.T) {
	t.Parallel()
	c := newCodec(t, key("k1", 1))
	for _, text := range []string{"a small one", strings.Repeat("a large one, compressed ", 500)} {
		sealed := encode(t, c, payload(t, text))
		for i := range sealed.Data {
			changed := proto.Clone(sealed).(*commonpb.Payload)
			changed.Data[i] ^= 0x40
			_, err := decode(c, changed)
			require.ErrorIs(t, err, codec.ErrDamaged, "byte %d", i)
		}
		for _, n := range []int{0, 1, 24, 40, len(sealed.Data) - 1} {
			cut := proto.Clone(sealed).(*commonpb.Payload)
			cut.Data = cut.Data[:n]
			_, err := decode(c, cut)
			require.ErrorIs(t, err, codec.ErrDamaged, "%d bytes", n)
		}
	}
}

func TestLargePayloadsAreCompressedWhereThatHelps(t *testing.T) {
	t.Parallel()
	c := newCodec(t, key("k1", 1))
	text := payload(t, strings.Repeat(`{"sku":"SKU-1","quantity":1}`, 1000))
	require.Less(t, len(encode(t, c, text).Data), len(text.Data)/10)

	noise := make([]byte, 10_000)
	_, err := rand.Read(noise)
	require.NoError(t, err)
	require.Less(t, len(encode(t, c, payload(t, noise)).Data), len(noise)+120)
}

func TestSizesAreBounded(t *testing.T) {
	t.Parallel()
	c := newCodec(t, key("k1", 1))
	largest := &commonpb.Payload{Data: make([]byte, codec.PayloadBytesMax-5)}
	require.Equal(t, codec.PayloadBytesMax, proto.Size(largest))
	back, err := decode(c, encode(t, c, largest))
	require.NoError(t, err)
	require.True(t, proto.Equal(largest, back))

	_, err = c.Encode([]*commonpb.Payload{{Data: make([]byte, codec.PayloadBytesMax)}})
	require.ErrorIs(t, err, codec.ErrTooLarge)
	sealed := encode(t, c, payload(t, 1))
	sealed.Data = append(sealed.Data, make([]byte, codec.PayloadBytesMax)...)
	_, err = decode(c, sealed)
	require.ErrorIs(t, err, codec.ErrTooLarge)
}

func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	c := newCodec(t, key("k1", 1))
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 200 {
				p := payload(t, strings.Repeat(fmt.Sprintf("payload %d of %d ", i, g), 1+i*2))
				back, err := decode(c, encode(t, c, p))
				if err != nil || !proto.Equal(p, back) {
					t.Errorf("payload %d of %d: %v", i, g, err)
					return
				}
			}
		})
	}
	wg.Wait()
}

func TestKeysAreChecked(t *testing.T) {
	t.Parallel()
	for name, keys := range map[string][]codec.Key{
		"none":      {},
		"no id":     {key("", 1)},
		"long id":   {key(strings.Repeat("k", 65), 1)},
		"short":     {{ID: "k1", Secret: make([]byte, 16)}},
		"same id":   {key("k1", 1), key("k1", 2)},
		"one wrong": {key("k1", 1), {ID: "k2"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := codec.New(codec.Options{Keys: keys})
			require.Error(t, err, name)
		})
	}
}

func TestKeysAreNeverPrinted(t *testing.T) {
	t.Parallel()
	k := codec.Key{ID: "k1", Secret: []byte("0123456789abcdef0123456789abcdef")}
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%x", "%q"} {
		require.Equal(t, "k1:[secret]", fmt.Sprintf(format, k))
	}
	text, err := k.MarshalText()
	require.NoError(t, err)
	require.Equal(t, "k1:[secret]", string(text))
	require.Equal(t, "k1:[secret]", k.LogValue().String())
}
