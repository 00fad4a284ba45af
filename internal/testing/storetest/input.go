package storetest

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/eventstore"
	"github.com/stretchr/testify/require"
)

func oneType(t *testing.T, s Store) {
	stream := Stream(domain.AggregateOrder)
	_, err := s.Append(t.Context(), To(stream, 0, 1))
	require.NoError(t, err)
	other := eventstore.StreamID{Type: domain.AggregatePayment, ID: stream.ID}
	for _, expected := range []int64{0, 1, eventstore.Any} {
		_, err = s.Append(t.Context(), To(other, expected, 1))
		invalid(t, err, other, -1, eventstore.CodeAggregateTypeDiffers)
	}
}

func badInput(t *testing.T, s Store) {
	good := Stream(domain.AggregateOrder)
	refused := func(code domain.ErrorCode, index int, change func(*eventstore.Append)) {
		t.Helper()
		a := To(good, 0, 3)
		change(&a)
		_, err := s.Append(t.Context(), To(Stream(domain.AggregateOrder), 0, 1), a)
		invalid(t, err, a.Stream, index, code)
	}
	payload := func(code domain.ErrorCode, json string) {
		t.Helper()
		refused(code, 1, func(a *eventstore.Append) { a.Events[1].Payload = []byte(json) })
	}
	for _, json := range []string{
		``, ` `, `[]`, `1`, `"x"`, `null`, `{`, `{"a":}`, `{"a":1}{}`, "{\"a\":\"\xff\"}", `{"a":"\ud800"}`, `{"a":"\udc00"}`, `{"a":"\ud800\u0041"}`,
	} {
		payload(eventstore.CodePayloadInvalid, json)
	}
	payload(eventstore.CodePayloadInvalid, `{"a":1e999}`)
	payload(eventstore.CodePayloadInvalid, `{"a":1e-99999999999999999999}`)
	payload(eventstore.CodePayloadInvalid, `{"a":`+strings.Repeat("9", 1000)+`}`)
	payload(eventstore.CodePayloadInvalid, `{"a":`+strings.Repeat("[", 1000)+strings.Repeat("]", 1000)+`}`)
	payload(eventstore.CodeNUL, `{"a":"\u0000"}`)
	payload(eventstore.CodeNUL, `{"a\u0000":"b"}`)
	payload(eventstore.CodeNUL, "{\"a\":\"\x00\"}")
	payload(eventstore.CodePayloadTooLarge, `{"a":"`+strings.Repeat("x", 1<<20)+`"}`)

	refused(eventstore.CodeUnknownAggregateType, -1, func(a *eventstore.Append) { a.Stream.Type = "customer" })
	refused(eventstore.CodeIDMissing, -1, func(a *eventstore.Append) { a.Stream.ID = uuid.Nil })
	refused(eventstore.CodeVersionNegative, -1, func(a *eventstore.Append) { a.Expected = -2 })
	refused(eventstore.CodeNoEvents, -1, func(a *eventstore.Append) { a.Events = nil })
	refused(eventstore.CodeTooManyEvents, -1, func(a *eventstore.Append) { a.Events = Events(10_000) })
	refused(eventstore.CodeIDMissing, 2, func(a *eventstore.Append) { a.Events[2].ID = uuid.Nil })
	refused(eventstore.CodeEventTypeInvalid, 0, func(a *eventstore.Append) { a.Events[0].Type = "" })
	refused(eventstore.CodeEventTypeInvalid, 0, func(a *eventstore.Append) { a.Events[0].Type = "a\x00b" })
	refused(eventstore.CodeSchemaVersionInvalid, 0, func(a *eventstore.Append) { a.Events[0].SchemaVersion = 0 })
	refused(eventstore.CodeTimestampInvalid, 0, func(a *eventstore.Append) { a.Events[0].Timestamp = time.Time{}.AddDate(-5, 0, 0) })
	refused(eventstore.CodeNUL, 0, func(a *eventstore.Append) { a.Events[0].Metadata.UserID = "\x00" })
	refused(eventstore.CodeMetadataInvalid, 0, func(a *eventstore.Append) { a.Events[0].Metadata.CausationID = "\xff" })

	a := To(good, 0, 1)
	_, err := s.Append(t.Context(), a, a)
	invalid(t, err, good, -1, eventstore.CodeStreamTwice)

	page, err := s.Read(t.Context(), eventstore.ReadOptions{})
	require.NoError(t, err)
	require.Empty(t, page.Events, "nothing of a refused call is stored")
	for _, o := range []eventstore.ReadOptions{{After: -1}, {Limit: -1}, {Limit: eventstore.PageMax + 1}} {
		_, err := s.Read(t.Context(), o)
		require.Equal(t, domain.CodeInvalid, domain.Code(err))
	}
}

func oddJSON(t *testing.T, s Store) {
	stream := Stream(domain.AggregateOrder)
	payloads := []string{
		`{}`, "\n\t {\"a\" : 1 }", `{"a":"\\u0000"}`, `{"a":"😀 \"quoted\" \\ \/ \b"}`, `{"a":"\ud83d\ude00"}`, `{"a":-1.5e+10,"b":[1e-300]}`,
		`{"":{"":[null,true,false]}}`, `{"a":123456789012345678901234567890}`, `{"x":"` + strings.Repeat("y", 300_000) + `"}`,
	}
	a := To(stream, 0, len(payloads))
	for i, p := range payloads {
		a.Events[i].Payload = []byte(p)
	}
	_, err := s.Append(t.Context(), a)
	require.NoError(t, err)
	again, err := s.Append(t.Context(), a)
	require.NoError(t, err)
	require.True(t, again[0].Duplicate)
	events, err := s.Load(t.Context(), stream, 0)
	require.NoError(t, err)
	for i, p := range payloads {
		require.JSONEq(t, p, string(events[i].Payload))
	}
}
