// Package storetest is the contract of an event store as a test suite, which every implementation passes.
//
//	func TestStore(t *testing.T) {
//		storetest.Run(t, func(t *testing.T) storetest.Store { return open(t) })
//	}
package storetest

import (
	"context"
	"encoding/json"
	"fmt"
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
		"a page looks at no more than its span":           spanned,
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

func conflict(t *testing.T, err error) *eventstore.ConcurrencyConflict {
	t.Helper()
	var c *eventstore.ConcurrencyConflict
	require.ErrorAs(t, err, &c)
	return c
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
