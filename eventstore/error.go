package eventstore

import (
	"errors"
	"fmt"

	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/internal/failure"
)

// ConcurrencyConflict is returned when a stream does not have the version that an append expected.
// Nothing of the call was stored. Load the stream, decide again, append again.
type ConcurrencyConflict struct {
	Stream           StreamID
	Expected, Actual int64
}

// Error names the stream and both versions.
func (e *ConcurrencyConflict) Error() string {
	return fmt.Sprintf("concurrency conflict: stream %s is at version %d, expected %d", e.Stream, e.Actual, e.Expected)
}

// Codes of [InvalidError].
const (
	CodeNoEvents             domain.ErrorCode = "no_events"
	CodeTooManyEvents        domain.ErrorCode = "too_many_events"
	CodeStreamTwice          domain.ErrorCode = "stream_twice"
	CodeVersionNegative      domain.ErrorCode = "version_negative"
	CodeUnknownAggregateType domain.ErrorCode = "unknown_aggregate_type"
	CodeAggregateTypeDiffers domain.ErrorCode = "aggregate_type_differs"
	CodeIDMissing            domain.ErrorCode = "id_missing"
	CodeEventTypeInvalid     domain.ErrorCode = "event_type_invalid"
	CodeSchemaVersionInvalid domain.ErrorCode = "schema_version_invalid"
	CodeTimestampInvalid     domain.ErrorCode = "timestamp_invalid"
	CodePayloadInvalid       domain.ErrorCode = "payload_invalid"
	CodePayloadTooLarge      domain.ErrorCode = "payload_too_large"
	CodeMetadataInvalid      domain.ErrorCode = "metadata_invalid"
	CodeNUL                  domain.ErrorCode = "nul_character"
	// CodeEventIDReused is an error of the program: see [NewEvent].
	CodeEventIDReused domain.ErrorCode = "event_id_reused"
)

// InvalidError is returned for an append that can never succeed as it is. Nothing of the call was
// stored. It unwraps to a [domain.Error] with the same code, which marks it as not worth retrying.
type InvalidError struct {
	Stream StreamID
	// Index is the event's place, from 0, in its [Append] or among what a decision has recorded on the stream. It is
	// -1 when the stream itself is to blame.
	Index   int
	Code    domain.ErrorCode // one of the Code constants
	Message string
}

// Error names the stream, the event and what is wrong with it.
func (e *InvalidError) Error() string {
	if e.Index < 0 {
		return fmt.Sprintf("%s: stream %s: %s", e.Code, e.Stream, e.Message)
	}
	return fmt.Sprintf("%s: stream %s: event %d: %s", e.Code, e.Stream, e.Index, e.Message)
}

// Unwrap returns the same as a refusal of the domain.
func (e *InvalidError) Unwrap() error { return &domain.Error{Code: e.Code, Message: e.Message} }

var (
	// ErrOutcomeUnknown is returned when the caller gave up after its events were sent and before the
	// answer came: they may be stored. Appending them again, with the same ids, is safe.
	ErrOutcomeUnknown = errors.New("the outcome of the append is unknown")
	// ErrUnconfirmed is returned for an append to a store that was restored or failed over. It passes once the store is
	// known to have all that was published of it. Nothing was stored, and the append may be repeated until then.
	ErrUnconfirmed = failure.Passing(errors.New("the event store was restored or failed over and is not confirmed: run \"orderloom recover\""))
	// ErrClosed is returned by a store that was closed. Nothing was stored.
	ErrClosed = failure.Passing(errors.New("the event store is closed"))
)
