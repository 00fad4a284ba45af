package eventstore

import (
	"encoding/binary"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgtype"
)

// encoder writes the arguments of the append function in PostgreSQL's binary format. It keeps its buffers from call
// to call. This is the hottest code of the platform, and pgx's own encoding of slices costs several times as much.
type encoder struct {
	buffers [][]byte
	next    int
}

func (e *encoder) reset() { e.next = 0 }

// buffer returns an empty buffer; done gives it back grown.
func (e *encoder) buffer() []byte {
	if e.next == len(e.buffers) {
		e.buffers = append(e.buffers, nil)
	}
	return e.buffers[e.next][:0]
}

// bufferBytesMax is the size beyond which a buffer is not kept.
const bufferBytesMax = 1 << 20

func (e *encoder) done(b []byte) []byte {
	if cap(b) <= bufferBytesMax {
		e.buffers[e.next] = b
	} else {
		e.buffers[e.next] = nil
	}
	e.next++
	return b
}

func (e *encoder) int4(v int) []byte {
	return e.done(binary.BigEndian.AppendUint32(e.buffer(), uint32(v)))
}

func (e *encoder) bool(v bool) []byte {
	if v {
		return e.done(append(e.buffer(), 1))
	}
	return e.done(append(e.buffer(), 0))
}

func (e *encoder) int8(v int64) []byte {
	return e.done(binary.BigEndian.AppendUint64(e.buffer(), uint64(v)))
}

// array writes a one-dimensional array of n elements, each with its length before it.
func (e *encoder) array(n int, oid uint32, nulls bool, element func(b []byte, i int) []byte) []byte {
	b := e.buffer()
	hasNull := uint32(0)
	if nulls {
		hasNull = 1
	}
	b = binary.BigEndian.AppendUint32(b, 1)
	b = binary.BigEndian.AppendUint32(b, hasNull)
	b = binary.BigEndian.AppendUint32(b, oid)
	b = binary.BigEndian.AppendUint32(b, uint32(n))
	b = binary.BigEndian.AppendUint32(b, 1)
	for i := range n {
		b = element(b, i)
	}
	return e.done(b)
}

func appendInt4(b []byte, v int32) []byte {
	return binary.BigEndian.AppendUint32(append(b, 0, 0, 0, 4), uint32(v))
}

func appendInt8(b []byte, v int64) []byte {
	return binary.BigEndian.AppendUint64(append(b, 0, 0, 0, 8), uint64(v))
}

func appendUUID(b []byte, v uuid.UUID) []byte {
	return append(append(b, 0, 0, 0, 16), v[:]...)
}

func appendText(b []byte, v string) []byte {
	return append(binary.BigEndian.AppendUint32(b, uint32(len(v))), v...)
}

// appendTextOrNull writes NULL for an empty text.
func appendTextOrNull(b []byte, v string) []byte {
	if v == "" {
		return append(b, 0xFF, 0xFF, 0xFF, 0xFF)
	}
	return appendText(b, v)
}

// appendJSONB writes version 1 of jsonb's binary format: a byte and the JSON text.
func appendJSONB(b, v []byte) []byte {
	b = append(binary.BigEndian.AppendUint32(b, uint32(len(v)+1)), 1)
	return append(b, v...)
}

// postgresEpoch is where PostgreSQL counts microseconds from.
const postgresEpoch = 946_684_800_000_000

func appendTime(b []byte, t time.Time) []byte { return appendInt8(b, t.UnixMicro()-postgresEpoch) }

func timeFrom(v int64) time.Time { return time.UnixMicro(v + postgresEpoch).UTC() }

// decodeInt8s reads an array of bigint, and decodeInt2s one of smallint; nil for NULL.
func decodeInt8s(b []byte) []int64 {
	return decodeArray(b, func(e []byte) int64 { return int64(binary.BigEndian.Uint64(e)) })
}

func decodeInt2s(b []byte) []int16 {
	return decodeArray(b, func(e []byte) int16 { return int16(binary.BigEndian.Uint16(e)) })
}

func decodeArray[T any](b []byte, element func([]byte) T) []T {
	if len(b) < 20 {
		return nil
	}
	list := make([]T, binary.BigEndian.Uint32(b[12:]))
	b = b[20:]
	for i := range list {
		n := int32(binary.BigEndian.Uint32(b))
		b = b[4:]
		if n < 0 { // NULL
			continue
		}
		list[i] = element(b[:n])
		b = b[n:]
	}
	return list
}

// appendArguments are the types of the append function's arguments, in their order.
var appendArguments = []uint32{
	pgtype.Int4OID, pgtype.Int4OID,
	pgtype.Int4ArrayOID, pgtype.UUIDArrayOID, pgtype.TextArrayOID, pgtype.Int8ArrayOID, pgtype.Int4ArrayOID,
	pgtype.Int4ArrayOID, pgtype.Int4ArrayOID, pgtype.UUIDArrayOID, pgtype.TextArrayOID,
	pgtype.UUIDArrayOID, pgtype.TextArrayOID, pgtype.Int4ArrayOID, pgtype.TimestamptzArrayOID,
	pgtype.TextArrayOID, pgtype.TextArrayOID, pgtype.TextArrayOID, pgtype.TextArrayOID, pgtype.JSONBArrayOID,
	pgtype.Int8OID, pgtype.BoolOID,
	pgtype.UUIDArrayOID, pgtype.Int8ArrayOID, pgtype.Int4ArrayOID, pgtype.Int4ArrayOID,
}

// slot is one stream of one group, in the order of a call.
type slot struct {
	group  int
	stream int
}

// arguments encodes a call. The streams stand in the order of slots, which is that of their ids.
func (e *encoder) arguments(groups []*group, slots []slot, reach int64) [][]byte {
	e.reset()
	fresh, anyVersion, events := 0, 0, 0
	for _, g := range groups {
		events += len(g.events)
		for _, s := range g.streams {
			switch s.expected {
			case NoStream:
				fresh++
			case Any:
				anyVersion++
			}
		}
	}
	flat := make([]*groupEvent, 0, events)
	index := make([]int32, 0, events)
	place := make([][]int32, len(groups))
	for i, g := range groups {
		place[i] = make([]int32, len(g.streams))
	}
	for i, s := range slots {
		place[s.group][s.stream] = int32(i + 1)
	}
	for i, g := range groups {
		for j := range g.events {
			flat = append(flat, &g.events[j])
			index = append(index, place[i][g.events[j].stream])
		}
	}
	stream := func(i int) *groupStream { return &groups[slots[i].group].streams[slots[i].stream] }
	owner := func(i int) *groupStream { return stream(int(index[i] - 1)) }
	n, m := len(slots), len(flat)
	r := readsOf(groups)
	text := func(of func(*groupEvent) string) []byte {
		return e.array(m, pgtype.TextOID, true, func(b []byte, i int) []byte { return appendTextOrNull(b, of(flat[i])) })
	}
	return [][]byte{
		e.int4(fresh),
		e.int4(anyVersion),
		e.array(n, pgtype.Int4OID, false, func(b []byte, i int) []byte { return appendInt4(b, int32(slots[i].group)) }),
		e.array(n, pgtype.UUIDOID, false, func(b []byte, i int) []byte { return appendUUID(b, stream(i).id.ID) }),
		e.array(n, pgtype.TextOID, false, func(b []byte, i int) []byte { return appendText(b, stream(i).id.Type) }),
		e.array(n, pgtype.Int8OID, false, func(b []byte, i int) []byte { return appendInt8(b, stream(i).expected) }),
		e.array(n, pgtype.Int4OID, false, func(b []byte, i int) []byte { return appendInt4(b, stream(i).count) }),
		e.array(m, pgtype.Int4OID, false, func(b []byte, i int) []byte { return appendInt4(b, index[i]) }),
		e.array(m, pgtype.Int4OID, false, func(b []byte, i int) []byte { return appendInt4(b, flat[i].ordinal) }),
		e.array(m, pgtype.UUIDOID, false, func(b []byte, i int) []byte { return appendUUID(b, owner(i).id.ID) }),
		e.array(m, pgtype.TextOID, false, func(b []byte, i int) []byte { return appendText(b, owner(i).id.Type) }),
		e.array(m, pgtype.UUIDOID, false, func(b []byte, i int) []byte { return appendUUID(b, flat[i].ID) }),
		e.array(m, pgtype.TextOID, false, func(b []byte, i int) []byte { return appendText(b, flat[i].Type) }),
		e.array(m, pgtype.Int4OID, false, func(b []byte, i int) []byte { return appendInt4(b, int32(flat[i].SchemaVersion)) }),
		e.array(m, pgtype.TimestamptzOID, false, func(b []byte, i int) []byte { return appendTime(b, flat[i].Timestamp) }),
		text(func(e *groupEvent) string { return e.Metadata.CorrelationID }),
		text(func(e *groupEvent) string { return e.Metadata.CausationID }),
		text(func(e *groupEvent) string { return e.Metadata.UserID }),
		text(func(e *groupEvent) string { return e.Metadata.TraceParent }),
		e.array(m, pgtype.JSONBOID, false, func(b []byte, i int) []byte { return appendJSONB(b, flat[i].Payload) }),
		e.int8(reach),
		e.bool(slices.ContainsFunc(groups, func(g *group) bool { return g.exclusive })),
		e.array(len(r.all), pgtype.UUIDOID, false, func(b []byte, i int) []byte { return appendUUID(b, r.all[i].id) }),
		e.array(len(r.all), pgtype.Int8OID, false, func(b []byte, i int) []byte { return appendInt8(b, r.all[i].version) }),
		e.array(len(r.group), pgtype.Int4OID, false, func(b []byte, i int) []byte { return appendInt4(b, r.group[i]) }),
		e.array(len(r.group), pgtype.Int4OID, false, func(b []byte, i int) []byte { return appendInt4(b, r.place[i]) }),
	}
}

// reads is what the groups of a call have read: each version of a stream once, and which groups rest on which.
type reads struct {
	all          []read
	group, place []int32 // place is an index in all, from 1
}

func readsOf(groups []*group) (r reads) {
	at := make(map[read]int32)
	for i, g := range groups {
		for _, one := range g.reads {
			if at[one] == 0 {
				r.all = append(r.all, one)
				at[one] = int32(len(r.all))
			}
			r.group, r.place = append(r.group, int32(i)), append(r.place, at[one])
		}
	}
	return r
}
