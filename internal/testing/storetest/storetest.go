// Package storetest is the contract of an event store as a test suite, which every implementation passes.
//
//	func TestStore(t *testing.T) {
//		storetest.Run(t, func(t *testing.T) storetest.Store { return open(t) })
//	}
package storetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/eventstore"
	"github.com/stretchr/testify/require"
)

// Store is what the suite tests.
type Store interface {
	Append(ctx context.Context, group ...eventstore.Append) ([]eventstore.Appended, error)
	Load(ctx context.Context, stream eventstore.StreamID, after int64) ([]domain.Envelope, error)
	Read(ctx context.Context, o eventstore.ReadOptions) (eventstore.Page, error)
	Wake() (wake <-chan struct{}, stop func())
	Close(ctx context.Context) error
}

// Stream returns a new stream id of a type.
func Stream(aggregateType string) eventstore.StreamID {
	return eventstore.StreamID{Type: aggregateType, ID: uuid.New()}
}

// Events returns n new events.
func Events(n int) []eventstore.NewEvent {
	events := make([]eventstore.NewEvent, n)
	for i := range events {
		events[i] = eventstore.NewEvent{
			ID: uuid.New(), Type: "Noted", SchemaVersion: 1, Payload: json.RawMessage(fmt.Sprintf(`{"n":%d}`, i)),
			Metadata:  domain.Metadata{CorrelationID: "c", CausationID: "workflow/step", UserID: "u"},
			Timestamp: time.Date(2026, 1, 2, 3, 4, 5, 678_901_000, time.UTC),
		}
	}
	return events
}

// To is an append of n new events.
func To(s eventstore.StreamID, expected int64, n int) eventstore.Append {
	return eventstore.Append{Stream: s, Expected: expected, Events: Events(n)}
}

// Run runs the suite. open is called once for each test, with an empty store.
func Run(t *testing.T, open func(t *testing.T) Store) {
	t.Helper()
	for name, test := range map[string]func(*testing.T, Store){
		"an event comes back as it was appended":    comesBack,
		"versions have no gaps":                     versionsHaveNoGaps,
		"a wrong version is a conflict":             wrongVersionConflicts,
		"a retry returns the original positions":    retryReturnsPositions,
		"a retry finds its events under later ones": retryUnderLater,
		"any version":                                     anyVersion,
		"a reused event id is refused":                    reusedEventID,
		"a reused event id is refused on any stream":      reusedElsewhere,
		"a reused event id fails nobody else":             reusedAmongNeighbours,
		"a retry is a success however many make it":       retriedByMany,
		"a group stands or falls together":                groupStandsOrFalls,
		"a group is retried as a whole":                   groupRetried,
		"a group that is there in part conflicts":         groupInPart,
		"an id belongs to one type":                       oneType,
		"bad input is refused":                            badInput,
		"what JSON allows comes back":                     oddJSON,
		"a bad call does not fail its neighbours":         neighbours,
		"rivals: one wins, all others conflict":           rivals,
		"load after a version":                            loadAfter,
		"the global order holds every event once":         globalOrder,
		"the global order can be filtered":                filtered,
		"pages of a filtered read move the cursor":        filteredCursor,
		"a cancelled call stores nothing or tells":        cancelled,
		"a commit wakes":                                  wakes,
		"a closed store refuses":                          closedRefuses,
		"conflicts leave no trace":                        conflictsLeaveNoTrace,
		"a call of many streams is numbered in its order": numberedInOrder,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := open(t)
			test(t, store)
		})
	}
}

func comesBack(t *testing.T, s Store) {
	stream := Stream(domain.AggregateOrder)
	a := To(stream, eventstore.NoStream, 1)
	a.Events[0].Metadata.TraceParent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	appended, err := s.Append(t.Context(), a)
	require.NoError(t, err)
	require.Len(t, appended, 1)
	require.EqualValues(t, 1, appended[0].Version)
	require.False(t, appended[0].Duplicate)
	require.Len(t, appended[0].Positions, 1)

	events, err := s.Load(t.Context(), stream, 0)
	require.NoError(t, err)
	require.Len(t, events, 1)
	e, n := events[0], a.Events[0]
	require.Equal(t, n.ID, e.EventID)
	require.Equal(t, stream.ID, e.AggregateID)
	require.Equal(t, stream.Type, e.AggregateType)
	require.Equal(t, n.Type, e.EventType)
	require.Equal(t, n.SchemaVersion, e.EventVersion)
	require.JSONEq(t, string(n.Payload), string(e.Payload))
	require.Equal(t, n.Metadata, e.Metadata)
	require.Equal(t, n.Timestamp, e.Timestamp)
	require.EqualValues(t, 1, e.Version)
	require.Equal(t, appended[0].Positions[0], e.Sequence)
}

func versionsHaveNoGaps(t *testing.T, s Store) {
	stream := Stream(domain.AggregateOrder)
	version := int64(0)
	for _, n := range []int{1, 3, 2} {
		appended, err := s.Append(t.Context(), To(stream, version, n))
		require.NoError(t, err)
		version += int64(n)
		require.Equal(t, version, appended[0].Version)
	}
	events, err := s.Load(t.Context(), stream, 0)
	require.NoError(t, err)
	require.Len(t, events, 6)
	for i, e := range events {
		require.EqualValues(t, i+1, e.Version)
	}
}

func conflict(t *testing.T, err error) *eventstore.ConcurrencyConflict {
	t.Helper()
	var c *eventstore.ConcurrencyConflict
	require.ErrorAs(t, err, &c)
	return c
}

func wrongVersionConflicts(t *testing.T, s Store) {
	stream := Stream(domain.AggregateOrder)
	_, err := s.Append(t.Context(), To(stream, 1, 1))
	require.Equal(t, eventstore.ConcurrencyConflict{Stream: stream, Expected: 1, Actual: 0}, *conflict(t, err))
	_, err = s.Append(t.Context(), To(stream, eventstore.NoStream, 2))
	require.NoError(t, err)
	for _, expected := range []int64{0, 1, 3, 1 << 40} {
		_, err = s.Append(t.Context(), To(stream, expected, 1))
		require.Equal(t, eventstore.ConcurrencyConflict{Stream: stream, Expected: expected, Actual: 2}, *conflict(t, err))
	}
}

func retryReturnsPositions(t *testing.T, s Store) {
	a := To(Stream(domain.AggregateOrder), eventstore.NoStream, 3)
	first, err := s.Append(t.Context(), a)
	require.NoError(t, err)
	second, err := s.Append(t.Context(), a)
	require.NoError(t, err)
	require.True(t, second[0].Duplicate)
	require.Equal(t, first[0].Positions, second[0].Positions)
	require.Equal(t, first[0].Version, second[0].Version)
}

func retryUnderLater(t *testing.T, s Store) {
	stream := Stream(domain.AggregateOrder)
	_, err := s.Append(t.Context(), To(stream, 0, 2))
	require.NoError(t, err)
	a := To(stream, 2, 2)
	first, err := s.Append(t.Context(), a)
	require.NoError(t, err)
	_, err = s.Append(t.Context(), To(stream, 4, 5))
	require.NoError(t, err)
	again, err := s.Append(t.Context(), a)
	require.NoError(t, err)
	require.True(t, again[0].Duplicate)
	require.Equal(t, first[0].Positions, again[0].Positions)
	require.EqualValues(t, 4, again[0].Version)
	events, err := s.Load(t.Context(), stream, 0)
	require.NoError(t, err)
	require.Len(t, events, 9)
}

func anyVersion(t *testing.T, s Store) {
	stream := Stream(domain.AggregateOrder)
	a, b := To(stream, eventstore.Any, 2), To(stream, eventstore.Any, 1)
	first, err := s.Append(t.Context(), a)
	require.NoError(t, err)
	require.EqualValues(t, 2, first[0].Version)
	second, err := s.Append(t.Context(), b)
	require.NoError(t, err)
	require.EqualValues(t, 3, second[0].Version)
	again, err := s.Append(t.Context(), a)
	require.NoError(t, err)
	require.True(t, again[0].Duplicate)
	require.Equal(t, first[0].Positions, again[0].Positions)
	require.EqualValues(t, 2, again[0].Version)

	var wg sync.WaitGroup
	fresh := Stream(domain.AggregateOrder)
	for range 8 {
		wg.Go(func() {
			_, err := s.Append(t.Context(), To(fresh, eventstore.Any, 1))
			if err != nil {
				t.Errorf("append to any version: %v", err)
			}
		})
	}
	wg.Wait()
	events, err := s.Load(t.Context(), fresh, 0)
	require.NoError(t, err)
	require.Len(t, events, 8)
}

// invalid checks that err is an [eventstore.InvalidError] with these details.
func invalid(t *testing.T, err error, stream eventstore.StreamID, index int, code domain.ErrorCode) {
	t.Helper()
	var e *eventstore.InvalidError
	require.ErrorAs(t, err, &e)
	require.Equal(t, code, e.Code, e.Message)
	require.Equal(t, stream, e.Stream)
	require.Equal(t, index, e.Index)
	require.Equal(t, code, domain.Code(err), "it is a refusal that is not retried")
}

func reusedEventID(t *testing.T, s Store) {
	stream := Stream(domain.AggregateOrder)
	a := To(stream, 0, 3)
	_, err := s.Append(t.Context(), a)
	require.NoError(t, err)

	other := a
	other.Events = append([]eventstore.NewEvent(nil), a.Events...)
	other.Events[1].Payload = json.RawMessage(`{"n":"other"}`)
	_, err = s.Append(t.Context(), other)
	invalid(t, err, stream, 1, eventstore.CodeEventIDReused)

	other.Events[1] = a.Events[1]
	other.Events[2].Type = "Renamed"
	_, err = s.Append(t.Context(), other)
	invalid(t, err, stream, 2, eventstore.CodeEventIDReused)

	more := a
	more.Events = append(append([]eventstore.NewEvent(nil), a.Events...), Events(1)...)
	_, err = s.Append(t.Context(), more)
	invalid(t, err, stream, 3, eventstore.CodeEventIDReused)

	twice := To(stream, 3, 2)
	twice.Events[1].ID = twice.Events[0].ID
	_, err = s.Append(t.Context(), twice)
	invalid(t, err, stream, 1, eventstore.CodeEventIDReused)

	events, err := s.Load(t.Context(), stream, 0)
	require.NoError(t, err)
	require.Len(t, events, 3)
}

// with returns the append with the id of one event replaced.
func with(a eventstore.Append, index int, id uuid.UUID) eventstore.Append {
	a.Events = append([]eventstore.NewEvent(nil), a.Events...)
	a.Events[index].ID = id
	return a
}

func reusedElsewhere(t *testing.T, s Store) {
	stream, other := Stream(domain.AggregateOrder), Stream(domain.AggregatePayment)
	a := To(stream, 0, 3)
	first, err := s.Append(t.Context(), a)
	require.NoError(t, err)
	used := a.Events[1].ID

	_, err = s.Append(t.Context(), with(To(stream, 3, 2), 1, used))
	invalid(t, err, stream, 1, eventstore.CodeEventIDReused)
	_, err = s.Append(t.Context(), with(To(other, 0, 3), 2, used))
	invalid(t, err, other, 2, eventstore.CodeEventIDReused)
	_, err = s.Append(t.Context(), with(To(other, eventstore.Any, 1), 0, used))
	invalid(t, err, other, 0, eventstore.CodeEventIDReused)
	_, err = s.Append(t.Context(), To(stream, 3, 1), with(To(other, 0, 2), 1, used))
	invalid(t, err, other, 1, eventstore.CodeEventIDReused)

	one, two := To(stream, 3, 1), To(other, 0, 2)
	_, err = s.Append(t.Context(), one, with(two, 1, one.Events[0].ID))
	invalid(t, err, other, 1, eventstore.CodeEventIDReused)

	appended, err := s.Append(t.Context(), one, two)
	require.NoError(t, err, "nothing of the refused calls is there")
	require.EqualValues(t, 4, appended[0].Version)
	require.EqualValues(t, 2, appended[1].Version)
	again, err := s.Append(t.Context(), a)
	require.NoError(t, err)
	require.Equal(t, first[0].Positions, again[0].Positions)
	require.Len(t, All(t, s, eventstore.ReadOptions{}), 6)
}

// Calls that are made at once are sent together: those with a used id are refused, the others stored.
func reusedAmongNeighbours(t *testing.T, s Store) {
	a := To(Stream(domain.AggregateOrder), 0, 1)
	_, err := s.Append(t.Context(), a)
	require.NoError(t, err)
	var wg sync.WaitGroup
	const calls = 60
	for i := range calls {
		wg.Go(func() {
			b := To(Stream(domain.AggregateOrder), 0, 2)
			if i%10 != 0 {
				if _, err := s.Append(t.Context(), b); err != nil {
					t.Errorf("a neighbour: %v", err)
				}
				return
			}
			_, err := s.Append(t.Context(), with(b, 1, a.Events[0].ID))
			var e *eventstore.InvalidError
			if !errors.As(err, &e) || e.Code != eventstore.CodeEventIDReused || e.Stream != b.Stream || e.Index != 1 {
				t.Errorf("a used id: %v", err)
			}
		})
	}
	wg.Wait()
	require.Len(t, All(t, s, eventstore.ReadOptions{}), 1+2*(calls-calls/10))
}

func retriedByMany(t *testing.T, s Store) {
	for _, expected := range []int64{eventstore.NoStream, eventstore.Any} {
		a, b := To(Stream(domain.AggregateOrder), expected, 2), To(Stream(domain.AggregatePayment), expected, 1)
		const callers = 12
		results := make([][]eventstore.Appended, callers)
		var wg sync.WaitGroup
		for i := range callers {
			wg.Go(func() {
				var err error
				if results[i], err = s.Append(t.Context(), a, b); err != nil {
					t.Errorf("a retry: %v", err)
				}
			})
		}
		wg.Wait()
		fresh := 0
		for _, r := range results {
			require.Len(t, r, 2)
			require.Equal(t, results[0][0].Positions, r[0].Positions)
			require.Equal(t, results[0][1].Positions, r[1].Positions)
			if !r[0].Duplicate {
				fresh++
			}
		}
		require.Equal(t, 1, fresh, "one has stored it, the others have found it")
	}
}

func groupStandsOrFalls(t *testing.T, s Store) {
	a, b, c := Stream(domain.AggregateOrder), Stream(domain.AggregateInventory), Stream(domain.AggregatePayment)
	_, err := s.Append(t.Context(), To(b, 0, 1))
	require.NoError(t, err)
	_, err = s.Append(t.Context(), To(a, 0, 1), To(b, 0, 1), To(c, 0, 2))
	require.Equal(t, b, conflict(t, err).Stream)
	for _, stream := range []eventstore.StreamID{a, c} {
		events, err := s.Load(t.Context(), stream, 0)
		require.NoError(t, err)
		require.Empty(t, events)
	}
	appended, err := s.Append(t.Context(), To(a, 0, 1), To(b, 1, 1), To(c, 0, 2))
	require.NoError(t, err)
	require.Len(t, appended, 3)
	require.EqualValues(t, 2, appended[1].Version)
	_, err = s.Append(t.Context(), To(a, 1, 1), To(b, 1, 1))
	require.Equal(t, eventstore.ConcurrencyConflict{Stream: b, Expected: 1, Actual: 2}, *conflict(t, err))
	appended, err = s.Append(t.Context(), To(a, 1, 1), To(b, 2, 1))
	require.NoError(t, err, "the stream that had to give way is where it was")
	require.EqualValues(t, 2, appended[0].Version)
}

func groupRetried(t *testing.T, s Store) {
	a, b := To(Stream(domain.AggregateOrder), 0, 2), To(Stream(domain.AggregateInventory), 0, 1)
	first, err := s.Append(t.Context(), a, b)
	require.NoError(t, err)
	again, err := s.Append(t.Context(), a, b)
	require.NoError(t, err)
	for i := range again {
		require.True(t, again[i].Duplicate)
		require.Equal(t, first[i].Positions, again[i].Positions)
	}
}

func groupInPart(t *testing.T, s Store) {
	a, b := To(Stream(domain.AggregateOrder), 0, 1), To(Stream(domain.AggregateInventory), 0, 1)
	_, err := s.Append(t.Context(), a)
	require.NoError(t, err)
	_, err = s.Append(t.Context(), a, b)
	require.Equal(t, a.Stream, conflict(t, err).Stream)
	events, err := s.Load(t.Context(), b.Stream, 0)
	require.NoError(t, err)
	require.Empty(t, events)
}

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

func neighbours(t *testing.T, s Store) {
	taken := Stream(domain.AggregateOrder)
	_, err := s.Append(t.Context(), To(taken, 0, 1))
	require.NoError(t, err)
	var wg sync.WaitGroup
	for i := range 60 {
		wg.Go(func() {
			a := To(Stream(domain.AggregateOrder), 0, 2)
			switch i % 4 {
			case 0:
				a.Stream, a.Expected = taken, int64(7+i)
			case 1:
				a.Events[1].Payload = []byte(`{"a":"\u0000"}`)
			case 2:
				ctx, cancel := context.WithCancel(t.Context())
				cancel()
				if _, err := s.Append(ctx, a); !errors.Is(err, context.Canceled) {
					t.Errorf("want cancelled, got %v", err)
				}
				return
			}
			_, err := s.Append(t.Context(), a)
			if (err == nil) != (i%4 == 3) {
				t.Errorf("call %d: %v", i, err)
			}
		})
	}
	wg.Wait()
}

func rivals(t *testing.T, s Store) {
	stream := Stream(domain.AggregateInventory)
	const writers, rounds = 16, 10
	var wg sync.WaitGroup
	won := make([]int, writers)
	for w := range writers {
		wg.Go(func() {
			for version := range int64(rounds) {
				_, err := s.Append(t.Context(), To(stream, version, 1))
				var c *eventstore.ConcurrencyConflict
				switch {
				case err == nil:
					won[w]++
				case !errors.As(err, &c):
					t.Errorf("append: %v", err)
				case c.Actual <= version && c.Actual != version:
					t.Errorf("a conflict at version %d, though %d was expected", c.Actual, version)
				}
			}
		})
	}
	wg.Wait()
	total := 0
	for _, n := range won {
		total += n
	}
	events, err := s.Load(t.Context(), stream, 0)
	require.NoError(t, err)
	require.Len(t, events, total, "what was confirmed is there, and nothing else")
	require.Positive(t, total)
}

func loadAfter(t *testing.T, s Store) {
	stream := Stream(domain.AggregateOrder)
	_, err := s.Append(t.Context(), To(stream, 0, 5))
	require.NoError(t, err)
	for after, want := range map[int64]int{0: 5, 3: 2, 5: 0, 9: 0} {
		events, err := s.Load(t.Context(), stream, after)
		require.NoError(t, err)
		require.Len(t, events, want)
	}
	events, err := s.Load(t.Context(), Stream(domain.AggregateOrder), 0)
	require.NoError(t, err)
	require.Empty(t, events)
}

// All reads the whole global order in pages.
func All(t testing.TB, s Store, o eventstore.ReadOptions) []domain.Envelope {
	t.Helper()
	var all []domain.Envelope
	for {
		page, err := s.Read(t.Context(), o)
		require.NoError(t, err)
		all = append(all, page.Events...)
		if page.Next == o.After {
			require.False(t, page.More)
			return all
		}
		o.After = page.Next
	}
}

func globalOrder(t *testing.T, s Store) {
	var wg sync.WaitGroup
	var mu sync.Mutex
	want := map[int64]uuid.UUID{}
	for range 8 {
		wg.Go(func() {
			for range 20 {
				a, b := To(Stream(domain.AggregateOrder), 0, 2), To(Stream(domain.AggregatePayment), 0, 1)
				appended, err := s.Append(t.Context(), a, b)
				if err != nil {
					t.Errorf("append: %v", err)
					return
				}
				mu.Lock()
				for i, e := range append(a.Events, b.Events...) {
					want[append(appended[0].Positions, appended[1].Positions...)[i]] = e.ID
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	for _, limit := range []int{0, 7} {
		events := All(t, s, eventstore.ReadOptions{Limit: limit})
		require.Len(t, events, len(want))
		last := int64(0)
		for _, e := range events {
			require.Greater(t, e.Sequence, last)
			require.Equal(t, want[e.Sequence], e.EventID)
			last = e.Sequence
		}
	}
}

func filtered(t *testing.T, s Store) {
	order, payment := To(Stream(domain.AggregateOrder), 0, 3), To(Stream(domain.AggregatePayment), 0, 2)
	order.Events[1].Type = "Special"
	later := order.Events[0].Timestamp.Add(time.Hour)
	order.Events[2].Timestamp = later
	payment.Events[1].Metadata.CorrelationID = "other"
	_, err := s.Append(t.Context(), order, payment)
	require.NoError(t, err)
	for _, c := range []struct {
		filter eventstore.Filter
		want   int
	}{
		{eventstore.Filter{}, 5},
		{eventstore.Filter{AggregateTypes: []string{domain.AggregatePayment}}, 2},
		{eventstore.Filter{AggregateTypes: []string{domain.AggregatePayment, domain.AggregateOrder}}, 5},
		{eventstore.Filter{EventTypes: []string{"Special"}}, 1},
		{eventstore.Filter{CorrelationID: "other"}, 1},
		{eventstore.Filter{CorrelationID: "other", EventTypes: []string{"Special"}}, 0},
		{eventstore.Filter{From: later}, 1},
		{eventstore.Filter{To: later}, 4},
		{eventstore.Filter{Payload: json.RawMessage(`{"n":1}`)}, 2},
		{eventstore.Filter{Payload: json.RawMessage(`{"n":1,"m":1}`)}, 0},
	} {
		require.Len(t, All(t, s, eventstore.ReadOptions{Filter: c.filter, Limit: 2}), c.want, "%+v", c.filter)
	}
}

func filteredCursor(t *testing.T, s Store) {
	appended, err := s.Append(t.Context(), To(Stream(domain.AggregateOrder), 0, 10))
	require.NoError(t, err)
	page, err := s.Read(t.Context(), eventstore.ReadOptions{Filter: eventstore.Filter{EventTypes: []string{"None"}}})
	require.NoError(t, err)
	require.Empty(t, page.Events)
	require.Equal(t, appended[0].Positions[9], page.Next)
	require.Equal(t, page.HighWater, page.Next)
}

func cancelled(t *testing.T, s Store) {
	var wg sync.WaitGroup
	for i := range 64 {
		wg.Go(func() {
			a := To(Stream(domain.AggregateOrder), 0, 1)
			ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i*20)*time.Microsecond)
			defer cancel()
			_, err := s.Append(ctx, a)
			events, loadErr := s.Load(t.Context(), a.Stream, 0)
			switch {
			case loadErr != nil:
				t.Errorf("load: %v", loadErr)
			case err == nil && len(events) != 1:
				t.Errorf("confirmed and not there")
			case err != nil && !errors.Is(err, eventstore.ErrOutcomeUnknown) && len(events) != 0:
				t.Errorf("refused with %v and there", err)
			case err != nil && !errors.Is(err, context.DeadlineExceeded):
				t.Errorf("append: %v", err)
			}
		})
	}
	wg.Wait()
}

func wakes(t *testing.T, s Store) {
	wake, stop := s.Wake()
	defer stop()
	_, err := s.Append(t.Context(), To(Stream(domain.AggregateOrder), 0, 1))
	require.NoError(t, err)
	select {
	case <-wake:
	case <-t.Context().Done():
		t.Fatal("nobody woke")
	}
}

func closedRefuses(t *testing.T, s Store) {
	require.NoError(t, s.Close(t.Context()))
	_, err := s.Append(t.Context(), To(Stream(domain.AggregateOrder), 0, 1))
	require.ErrorIs(t, err, eventstore.ErrClosed)
}

func conflictsLeaveNoTrace(t *testing.T, s Store) {
	stream := Stream(domain.AggregateOrder)
	first, err := s.Append(t.Context(), To(stream, 0, 1))
	require.NoError(t, err)
	for range 10 {
		_, err := s.Append(t.Context(), To(stream, 0, 3))
		require.EqualValues(t, 1, conflict(t, err).Actual)
	}
	second, err := s.Append(t.Context(), To(stream, 1, 1))
	require.NoError(t, err)
	require.Equal(t, first[0].Positions[0]+1, second[0].Positions[0], "a conflict burns no sequence numbers")
}

func numberedInOrder(t *testing.T, s Store) {
	group := make([]eventstore.Append, 20)
	for i := range group {
		group[i] = To(Stream(domain.AggregateOrder), 0, 1+i%3)
	}
	appended, err := s.Append(t.Context(), group...)
	require.NoError(t, err)
	last := int64(0)
	for _, a := range appended {
		for _, p := range a.Positions {
			require.Greater(t, p, last)
			last = p
		}
	}
}
