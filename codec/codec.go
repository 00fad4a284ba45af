package codec

import (
	"crypto/rand"
	"errors"
	"fmt"
	"sync"

	"github.com/klauspost/compress/zstd"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/proto"
)

// Metadata of an encrypted payload. Its data is a nonce of 24 bytes and the XAES-256-GCM ciphertext. What is
// encrypted is one byte that says how the rest is packed, and the original payload, metadata and all, as protobuf.
const (
	// Encoding stands under "encoding", where Temporal's tools look whether they can read a payload.
	Encoding = "binary/encrypted"
	// MetadataKeyID is the metadata field with the id of the key.
	MetadataKeyID = "encryption-key-id"
)

const (
	packedPlain = 0
	packedZstd  = 1
)

const (
	// PayloadBytesMax is the largest payload that is encrypted or decrypted, before compression. Temporal
	// itself refuses one above 2 MiB, after compression.
	PayloadBytesMax = 4 << 20
	// compressFrom is the size from which compression is tried; what the sagas write is mostly smaller
	// and would cost more time than bytes (benchmark_test.go).
	compressFrom = 2 << 10
	// overheadBytes is what encryption adds to a payload's data.
	overheadBytes = nonceBytes + 1 + tagBytes
	// pooledBytesMax bounds the buffers that are kept for the next payload.
	pooledBytesMax = 256 << 10
)

var encoding = []byte(Encoding)

// additional is authenticated with each payload, so that a ciphertext made for something else under
// the same secret is not taken for a payload.
var additional = []byte("orderloom payload 1")

// Errors of [Codec.Decode].
var (
	// ErrUnknownKey says that the key of a payload is not among the keys.
	ErrUnknownKey = errors.New("the payload's key is unknown")
	// ErrDamaged says that a payload was changed, cut short, or encrypted under another secret of the
	// same key id.
	ErrDamaged = errors.New("the payload can't be decrypted")
	// ErrTooLarge says that a payload is above [PayloadBytesMax].
	ErrTooLarge = errors.New("the payload is too large")
)

// Options says what a codec encrypts and decrypts with.
type Options struct {
	// Keys has the current key first; it encrypts. Every key decrypts.
	Keys []Key
	// DecryptOnly leaves new payloads in the clear: for the time in which encryption is turned on or
	// off, process by process.
	DecryptOnly bool
}

// Codec implements [converter.PayloadCodec]. It is safe for concurrent use, and the same payload never
// becomes the same ciphertext twice.
type Codec struct {
	keys        map[string]*xaes
	current     *xaes
	currentID   []byte
	decryptOnly bool
	pack        *zstd.Encoder
	unpack      *zstd.Decoder
	scratch     sync.Pool // *[]byte
}

var _ converter.PayloadCodec = (*Codec)(nil)

// New returns a codec. There is at least one key, and each has an id of its own.
func New(o Options) (*Codec, error) {
	if err := check(o.Keys); err != nil {
		return nil, err
	}
	c := &Codec{keys: make(map[string]*xaes, len(o.Keys)), decryptOnly: o.DecryptOnly}
	c.scratch.New = func() any { return new([]byte) }
	for _, k := range o.Keys {
		x, err := newXAES(k.Secret)
		if err != nil {
			return nil, err
		}
		c.keys[k.ID] = x
	}
	c.current, c.currentID = c.keys[o.Keys[0].ID], []byte(o.Keys[0].ID)
	var err error
	// GCM authenticates, so zstd's own checksum would be a second one.
	c.pack, err = zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderCRC(false), zstd.WithLowerEncoderMem(true))
	if err != nil {
		return nil, fmt.Errorf("make a zstd encoder: %w", err)
	}
	c.unpack, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(PayloadBytesMax))
	if err != nil {
		return nil, fmt.Errorf("make a zstd decoder: %w", err)
	}
	return c, nil
}

// Encode encrypts payloads under the current key. Errors: [ErrTooLarge].
func (c *Codec) Encode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	if c.decryptOnly {
		return payloads, nil
	}
	out := make([]*commonpb.Payload, len(payloads))
	for i, p := range payloads {
		var err error
		if out[i], err = c.encrypt(p); err != nil {
			return payloads, fmt.Errorf("encrypt payload %d of %d: %w", i+1, len(payloads), err)
		}
	}
	return out, nil
}

// Decode decrypts those of the payloads that are encrypted. Errors: [ErrUnknownKey]; [ErrDamaged];
// [ErrTooLarge].
func (c *Codec) Decode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	out := make([]*commonpb.Payload, len(payloads))
	for i, p := range payloads {
		var err error
		if out[i], err = c.decrypt(p); err != nil {
			return payloads, fmt.Errorf("decrypt payload %d of %d: %w", i+1, len(payloads), err)
		}
	}
	return out, nil
}

func (c *Codec) encrypt(p *commonpb.Payload) (*commonpb.Payload, error) {
	size := proto.Size(p)
	if size > PayloadBytesMax {
		return nil, fmt.Errorf("%w: %d bytes, at most %d", ErrTooLarge, size, PayloadBytesMax)
	}
	data := make([]byte, nonceBytes+1, size+overheadBytes)
	if _, err := rand.Read(data[:nonceBytes]); err != nil {
		return nil, err
	}
	data, err := c.append(data, p, size)
	if err != nil {
		return nil, err
	}
	data, err = c.current.seal(data[:nonceBytes], data[:nonceBytes], data[nonceBytes:], additional)
	if err != nil {
		return nil, err
	}
	return &commonpb.Payload{
		Metadata: map[string][]byte{converter.MetadataEncoding: encoding, MetadataKeyID: c.currentID},
		Data:     data,
	}, nil
}

// append appends the payload to data, whose last byte says how: compressed, where that is smaller.
func (c *Codec) append(data []byte, p *commonpb.Payload, size int) ([]byte, error) {
	how := len(data) - 1
	if size >= compressFrom {
		buffer := c.scratch.Get().(*[]byte)
		defer c.release(buffer)
		plain, err := proto.MarshalOptions{UseCachedSize: true}.MarshalAppend((*buffer)[:0], p)
		if err != nil {
			return nil, err
		}
		*buffer = plain
		if packed := c.pack.EncodeAll(plain, data); len(packed)-len(data) < size {
			packed[how] = packedZstd
			return packed, nil
		}
		return append(data, plain...), nil // packedPlain is zero
	}
	return proto.MarshalOptions{UseCachedSize: true}.MarshalAppend(data, p)
}

func (c *Codec) decrypt(p *commonpb.Payload) (*commonpb.Payload, error) {
	if string(p.GetMetadata()[converter.MetadataEncoding]) != Encoding {
		return p, nil
	}
	id := p.GetMetadata()[MetadataKeyID]
	key, ok := c.keys[string(id)]
	switch {
	case !ok:
		return nil, fmt.Errorf("%w: %q", ErrUnknownKey, id[:min(len(id), keyIDMax)])
	case len(p.GetData()) < overheadBytes:
		return nil, fmt.Errorf("%w: it has %d bytes", ErrDamaged, len(p.GetData()))
	case len(p.GetData()) > PayloadBytesMax+overheadBytes:
		return nil, fmt.Errorf("%w: %d bytes, at most %d", ErrTooLarge, len(p.GetData()), PayloadBytesMax+overheadBytes)
	}
	buffer := c.scratch.Get().(*[]byte)
	defer c.release(buffer)
	plain, err := key.open((*buffer)[:0], p.GetData()[:nonceBytes], p.GetData()[nonceBytes:], additional)
	if err != nil {
		return nil, fmt.Errorf("%w: it was changed, or key %q is not the one that encrypted it", ErrDamaged, id)
	}
	*buffer = plain
	return c.read(plain)
}

// read unpacks what encrypt packed; it keeps nothing of plain.
func (c *Codec) read(plain []byte) (*commonpb.Payload, error) {
	how, body := plain[0], plain[1:]
	switch how {
	case packedPlain:
	case packedZstd:
		var err error
		if body, err = c.unpack.DecodeAll(body, nil); errors.Is(err, zstd.ErrDecoderSizeExceeded) {
			return nil, fmt.Errorf("%w: more than %d bytes", ErrTooLarge, PayloadBytesMax)
		} else if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
		}
	default:
		return nil, fmt.Errorf("%w: it is packed in a way (%d) that this version does not know", ErrDamaged, how)
	}
	p := &commonpb.Payload{}
	if err := proto.Unmarshal(body, p); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return p, nil
}

// release keeps a buffer for the next payload, unless it is a rare large one.
func (c *Codec) release(buffer *[]byte) {
	if cap(*buffer) <= pooledBytesMax {
		*buffer = (*buffer)[:0]
		c.scratch.Put(buffer)
	}
}
