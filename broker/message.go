package broker

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/segmentio/kafka-go"
)

// Header names of CloudEvents 1.0 in the binary mode of its Kafka binding. Besides the required
// attributes there are the extensions sequence, partitionkey-like subject, dataref and distributed
// tracing, and five of our own.
const (
	headerSpecVersion   = "ce_specversion"
	headerID            = "ce_id"
	headerSource        = "ce_source"
	headerType          = "ce_type"
	headerSubject       = "ce_subject"
	headerTime          = "ce_time"
	headerDataSchema    = "ce_dataschema"
	headerContentType   = "content-type"
	headerSequence      = "ce_sequence"
	headerStreamVersion = "ce_streamversion"
	headerCorrelationID = "ce_correlationid"
	headerCausationID   = "ce_causationid"
	headerUserID        = "ce_userid"
	headerTraceParent   = "ce_traceparent"
	headerDataref       = "ce_dataref"
)

const (
	sourcePrefix = "/orderloom/"
	typePrefix   = "orderloom."
)

// Dataref says where the payload of an event lies that was too large for Kafka: in the event store, by aggregate and
// version. It is CloudEvents' "dataref" extension, also known as claim check.
func Dataref(env domain.Envelope) string {
	return fmt.Sprintf("/orderloom/%s/%s/events/%d", env.AggregateType, env.AggregateID, env.Version)
}

// Encode returns the message of an event, with its topic. dataschema is a URI of the payload's
// schema, or empty.
func Encode(env domain.Envelope, dataschema string) kafka.Message {
	m := kafka.Message{Topic: Topic(env.AggregateType), Key: []byte(env.AggregateID.String()), Value: env.Payload}
	m.Headers = make([]kafka.Header, 0, 16)
	add := func(name, value string) {
		if value != "" {
			m.Headers = append(m.Headers, kafka.Header{Key: name, Value: []byte(value)})
		}
	}
	add(headerSpecVersion, "1.0")
	add(headerID, env.EventID.String())
	add(headerSource, sourcePrefix+env.AggregateType)
	add(headerType, typePrefix+env.EventType+".v"+strconv.Itoa(env.EventVersion))
	add(headerSubject, env.AggregateID.String())
	add(headerTime, env.Timestamp.UTC().Format(time.RFC3339Nano))
	add(headerContentType, "application/json")
	add(headerDataSchema, dataschema)
	add(headerSequence, strconv.FormatInt(env.Sequence, 10))
	add(headerStreamVersion, strconv.FormatInt(env.Version, 10))
	add(headerCorrelationID, env.Metadata.CorrelationID)
	add(headerCausationID, env.Metadata.CausationID)
	add(headerUserID, env.Metadata.UserID)
	add(headerTraceParent, env.Metadata.TraceParent)
	return m
}

// claimCheck takes the payload out of an event's message and refers to the event store instead.
func claimCheck(m kafka.Message, env domain.Envelope) kafka.Message {
	m.Value = []byte{} // not null, which would be a tombstone
	m.Headers = append(m.Headers, kafka.Header{Key: headerDataref, Value: []byte(Dataref(env))})
	return m
}

// CodeMalformedMessage refuses a message whose headers hold no event.
const CodeMalformedMessage domain.ErrorCode = "malformed_message"

// Decode returns the event in a message. Its payload is nil when the message only refers to the
// event store. Errors: malformed_message, which no repetition mends.
func Decode(m kafka.Message) (domain.Envelope, error) {
	var env domain.Envelope
	var err error
	bad := func(header string, err error) (domain.Envelope, error) {
		e := domain.Refuse(CodeMalformedMessage, "message %s/%d/%d: header %s: %v", m.Topic, m.Partition, m.Offset, header, err)
		e.Err = err
		return domain.Envelope{}, e
	}
	var seen, dataref bool
	for _, h := range m.Headers {
		v := string(h.Value)
		switch h.Key {
		case headerSpecVersion:
			if v != "1.0" {
				return bad(h.Key, fmt.Errorf("version %q of CloudEvents is unknown", v))
			}
			seen = true
		case headerID:
			env.EventID, err = uuid.Parse(v)
		case headerSource:
			env.AggregateType = strings.TrimPrefix(v, sourcePrefix)
		case headerType:
			env.EventType, env.EventVersion, err = parseType(v)
		case headerSubject:
			env.AggregateID, err = uuid.Parse(v)
		case headerTime:
			env.Timestamp, err = time.Parse(time.RFC3339Nano, v)
			env.Timestamp = env.Timestamp.UTC()
		case headerSequence:
			env.Sequence, err = strconv.ParseInt(v, 10, 64)
		case headerStreamVersion:
			env.Version, err = strconv.ParseInt(v, 10, 64)
		case headerCorrelationID:
			env.Metadata.CorrelationID = v
		case headerCausationID:
			env.Metadata.CausationID = v
		case headerUserID:
			env.Metadata.UserID = v
		case headerTraceParent:
			env.Metadata.TraceParent = v
		case headerDataref:
			dataref = true
		}
		if err != nil {
			return bad(h.Key, err)
		}
	}
	switch {
	case !seen:
		return bad(headerSpecVersion, fmt.Errorf("is missing"))
	case env.EventID == uuid.Nil:
		return bad(headerID, fmt.Errorf("is missing"))
	case env.AggregateID == uuid.Nil:
		return bad(headerSubject, fmt.Errorf("is missing"))
	case env.AggregateType == "":
		return bad(headerSource, fmt.Errorf("is missing"))
	case env.EventType == "":
		return bad(headerType, fmt.Errorf("is missing"))
	case env.Version < 1:
		return bad(headerStreamVersion, fmt.Errorf("must be at least 1"))
	case env.Sequence < 0:
		return bad(headerSequence, fmt.Errorf("must not be negative"))
	case Topic(env.AggregateType) != m.Topic:
		return bad(headerSource, fmt.Errorf("%q does not belong on this topic", env.AggregateType))
	}
	if !dataref {
		env.Payload = json.RawMessage(m.Value)
	}
	return env, nil
}

// parseType reads "orderloom.OrderPlaced.v1".
func parseType(s string) (eventType string, version int, err error) {
	rest, ok := strings.CutPrefix(s, typePrefix)
	i := strings.LastIndex(rest, ".v")
	if !ok || i < 1 {
		return "", 0, fmt.Errorf("%q is not an event type of Orderloom", s)
	}
	version, err = strconv.Atoi(rest[i+2:])
	if err != nil || version < 1 {
		return "", 0, fmt.Errorf("%q has no version", s)
	}
	return rest[:i], version, nil
}

// size is about how many bytes a message takes on the wire.
func size(m kafka.Message) int {
	n := len(m.Key) + len(m.Value) + 32
	for _, h := range m.Headers {
		n += len(h.Key) + len(h.Value) + 4
	}
	return n
}
