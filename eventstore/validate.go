package eventstore

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
)

// Limits of what one call may append. Each keeps one caller from standing in everybody's way, since all
// share one connection.
const (
	// payloadBytesMax bounds one event: Kafka brokers refuse messages over 1 MiB by default.
	payloadBytesMax = 512 << 10
	// callEventsMax and callBytesMax bound one call.
	callEventsMax = 1_000
	callBytesMax  = 4 << 20
	// payloadDepthMax bounds nesting: PostgreSQL's JSON parser is recursive.
	payloadDepthMax = 64
	// numberDigitsMax and numberExponentMax bound numbers, which PostgreSQL keeps exactly.
	numberDigitsMax   = 400
	numberExponentMax = 308
	nameBytesMax      = 100
	metadataBytesMax  = 1_000
)

// validate finds what PostgreSQL or a reader of the event would refuse, before the event is queued. What is in the
// queue belongs to many callers, and none may fail for another.
func validate(group []Append, known func(aggregateType string) bool) error {
	events, size := 0, 0
	seen := make(map[uuid.UUID]struct{}, len(group))
	ids := make(map[uuid.UUID]struct{})
	for _, a := range group {
		refuse := func(index int, code domain.ErrorCode, format string, args ...any) error {
			return &InvalidError{Stream: a.Stream, Index: index, Code: code, Message: fmt.Sprintf(format, args...)}
		}
		switch {
		case !known(a.Stream.Type):
			return refuse(-1, CodeUnknownAggregateType, "%q is not an aggregate type", domain.Clip(a.Stream.Type))
		case a.Stream.ID == uuid.Nil:
			return refuse(-1, CodeIDMissing, "the stream has no id")
		case a.Expected < Any:
			return refuse(-1, CodeVersionNegative, "expected version %d is below zero", a.Expected)
		case len(a.Events) == 0:
			return refuse(-1, CodeNoEvents, "there is nothing to append")
		}
		if _, twice := seen[a.Stream.ID]; twice {
			return refuse(-1, CodeStreamTwice, "the call names the stream twice")
		}
		seen[a.Stream.ID] = struct{}{}
		for i, e := range a.Events {
			if code, message := e.fault(); code != "" {
				return refuse(i, code, "%s", message)
			}
			if _, twice := ids[e.ID]; twice {
				return refuse(i, CodeEventIDReused, "event id %s is used twice in the call", e.ID)
			}
			ids[e.ID] = struct{}{}
			size += e.size()
		}
		events += len(a.Events)
		if events > callEventsMax || size > callBytesMax {
			return refuse(-1, CodeTooManyEvents, "a call takes at most %d events and %d bytes", callEventsMax, callBytesMax)
		}
	}
	return nil
}

// eventOverhead is about what an event weighs beside its payload.
const eventOverhead = 256

func (e *NewEvent) size() int { return len(e.Payload) + eventOverhead }

// fault returns a code and a message for the first thing that is wrong, or "".
func (e *NewEvent) fault() (code domain.ErrorCode, message string) {
	switch {
	case e.ID == uuid.Nil:
		return CodeIDMissing, "the event has no id"
	case e.Type == "" || len(e.Type) > nameBytesMax || !utf8.ValidString(e.Type) || strings.ContainsRune(e.Type, 0):
		return CodeEventTypeInvalid, fmt.Sprintf("an event type has 1 to %d bytes of text", nameBytesMax)
	case e.SchemaVersion < 1 || e.SchemaVersion > 1<<30:
		return CodeSchemaVersionInvalid, fmt.Sprintf("schema version %d is not from 1", e.SchemaVersion)
	case e.Timestamp.Before(timestampMin) || e.Timestamp.After(timestampMax):
		return CodeTimestampInvalid, fmt.Sprintf("timestamp %s is not in a year from 1 to 9999", e.Timestamp)
	}
	for _, text := range texts(e.Metadata) {
		if strings.ContainsRune(text, 0) {
			return CodeNUL, "the metadata contain a NUL character"
		}
		if len(text) > metadataBytesMax || !utf8.ValidString(text) {
			return CodeMetadataInvalid, fmt.Sprintf("a text of the metadata is no UTF-8 or over %d bytes", metadataBytesMax)
		}
	}
	return payloadFault(e.Payload)
}

var (
	timestampMin = time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)
	timestampMax = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)
)

// payloadFault checks that b is a JSON object (RFC 8259) that jsonb can hold. That type refuses U+0000 and unpaired
// surrogates, which JSON allows, and numbers beyond its own range.
func payloadFault(b []byte) (code domain.ErrorCode, message string) {
	if len(b) > payloadBytesMax {
		return CodePayloadTooLarge, fmt.Sprintf("the payload has %d bytes, at most %d are allowed", len(b), payloadBytesMax)
	}
	if trimmed := bytes.TrimLeft(b, " \t\r\n"); len(trimmed) == 0 || trimmed[0] != '{' {
		return CodePayloadInvalid, "the payload is not a JSON object"
	}
	if bytes.IndexByte(b, 0) >= 0 {
		return CodeNUL, "the payload contains a NUL character"
	}
	if !utf8.Valid(b) || !json.Valid(b) {
		return CodePayloadInvalid, "the payload is not valid JSON"
	}
	return contentFault(b)
}

// contentFault walks over valid JSON.
func contentFault(b []byte) (code domain.ErrorCode, message string) {
	depth := 0
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case c == '"':
			end, code, message := stringFault(b, i+1)
			if code != "" {
				return code, message
			}
			i = end
		case c == '{' || c == '[':
			if depth++; depth > payloadDepthMax {
				return CodePayloadInvalid, fmt.Sprintf("the payload nests deeper than %d", payloadDepthMax)
			}
		case c == '}' || c == ']':
			depth--
		case c == '-' || c >= '0' && c <= '9':
			end := i
			for end < len(b) && strings.IndexByte("+-.0123456789eE", b[end]) >= 0 {
				end++
			}
			if !numberFits(string(b[i:end])) {
				return CodePayloadInvalid, "a number has too many digits or too large an exponent"
			}
			i = end - 1
		}
	}
	return "", ""
}

// stringFault checks the string that starts at b[i] and returns the index of its closing quote.
func stringFault(b []byte, i int) (end int, code domain.ErrorCode, message string) {
	for ; b[i] != '"'; i++ {
		if b[i] != '\\' {
			continue
		}
		i++
		if b[i] != 'u' {
			continue
		}
		unit := hex4(b[i+1:])
		i += 4
		switch {
		case unit == 0:
			return 0, CodeNUL, "the payload contains a NUL character"
		case unit >= 0xDC00 && unit <= 0xDFFF:
			return 0, CodePayloadInvalid, "the payload contains an unpaired surrogate"
		case unit >= 0xD800 && unit <= 0xDBFF:
			if b[i+1] != '\\' || b[i+2] != 'u' {
				return 0, CodePayloadInvalid, "the payload contains an unpaired surrogate"
			}
			if low := hex4(b[i+3:]); low < 0xDC00 || low > 0xDFFF {
				return 0, CodePayloadInvalid, "the payload contains an unpaired surrogate"
			}
			i += 6
		}
	}
	return i, "", ""
}

func hex4(b []byte) (v int) {
	for _, c := range b[:4] {
		switch {
		case c <= '9':
			v = v<<4 | int(c-'0')
		default:
			v = v<<4 | int(c|0x20-'a'+10)
		}
	}
	return v
}

func numberFits(s string) bool {
	mantissa, exponent, _ := strings.Cut(strings.ToLower(s), "e")
	if len(mantissa) > numberDigitsMax || len(exponent) > 6 {
		return false
	}
	n := 0
	for _, c := range strings.TrimLeft(exponent, "+-") {
		n = n*10 + int(c-'0')
	}
	return n <= numberExponentMax
}

// metadataTexts are the texts of [domain.Metadata], in the order of their columns.
type metadataTexts = [4]string

func texts(m domain.Metadata) metadataTexts {
	return metadataTexts{m.CorrelationID, m.CausationID, m.UserID, m.TraceParent}
}
