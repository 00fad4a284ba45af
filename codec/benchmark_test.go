package codec_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/orderloom/orderloom/codec"
	commonpb "go.temporal.io/api/common/v1"
)

// sizes are those of what a saga writes: a signal, the result of a step, an order's input, and an
// order of many lines.
var sizes = []int{120, 400, 1200, 2400, 20_000}

func sized(bytes int) *commonpb.Payload {
	var b strings.Builder
	b.WriteString(`{"items":[`)
	for i := 0; b.Len() < bytes-2; i++ {
		fmt.Fprintf(&b, `{"sku":"SKU-%05d","quantity":%d,"unit_price":{"amount":"%d.90","currency":"EUR"}},`, i*7919%10000, i%4+1, i*31%200)
	}
	text := b.String()[:bytes-2] + "]}"
	return &commonpb.Payload{Metadata: map[string][]byte{"encoding": []byte("json/plain")}, Data: []byte(text)}
}

func BenchmarkEncode(b *testing.B) {
	c := newCodec(b, key("k1", 1))
	for _, n := range sizes {
		b.Run(fmt.Sprintf("%d", n), func(b *testing.B) {
			in := []*commonpb.Payload{sized(n)}
			b.ReportAllocs()
			b.SetBytes(int64(n))
			var out []*commonpb.Payload
			for b.Loop() {
				var err error
				if out, err = c.Encode(in); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(len(out[0].Data)), "stored_bytes")
		})
	}
}

func BenchmarkDecode(b *testing.B) {
	c := newCodec(b, key("k2", 2), key("k1", 1))
	for _, n := range sizes {
		b.Run(fmt.Sprintf("%d", n), func(b *testing.B) {
			in := []*commonpb.Payload{encode(b, c, sized(n))}
			b.ReportAllocs()
			b.SetBytes(int64(n))
			for b.Loop() {
				if _, err := c.Decode(in); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkConvert compares a whole conversion with and without encryption: what encryption adds to
// what each payload costs anyway.
func BenchmarkConvert(b *testing.B) {
	value := map[string]any{"items": strings.Repeat("SKU-00001 ", 40), "total": "12.90"}
	for _, keys := range [][]codec.Key{nil, {key("k1", 1)}} {
		b.Run(fmt.Sprintf("keys=%d", len(keys)), func(b *testing.B) {
			dc, err := codec.DataConverter(keys...)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				p, err := dc.ToPayload(value)
				if err != nil {
					b.Fatal(err)
				}
				var back map[string]any
				if err := dc.FromPayload(p, &back); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
