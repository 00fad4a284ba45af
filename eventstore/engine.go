package eventstore

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
)

// engine is where events are kept. It is used by one goroutine at a time, the flusher's.
type engine interface {
	// ready connects where that is needed, and makes sure that events can be appended.
	ready(ctx context.Context) error
	// append stores the groups, each as a whole or not at all, and fills in their outcomes. No stream
	// stands in two groups. Any error leaves it open whether something was stored; the same call may be
	// repeated until it is known. A usedIDError means that nothing was, because of one event.
	append(ctx context.Context, groups []*group) error
	// load returns the history of each stream that is wanted, in their order.
	load(ctx context.Context, wants []want) ([]history, error)
	// versions returns the present version of each stream, 0 where there is none.
	versions(ctx context.Context, streams []StreamID) ([]int64, error)
	// lock keeps everyone else from appending to the streams that exist until unlock, and exclusively from appending
	// at all. In between, append is not committed. An exclusive group needs an exclusive lock.
	lock(ctx context.Context, streams []StreamID, exclusive bool) error
	unlock(ctx context.Context, commit bool) error
	// retryable reports whether err is transient (network, restart) rather than caused by the call.
	retryable(err error) bool
}

// status is what became of a stream's part of a group. The values are those of the SQL function.
type status int16

const (
	statusAppended  status = 0
	statusDuplicate status = 1
	statusConflict  status = 2
	statusIDReused  status = 3 // also for what the SQL function raises, see usedIDError
	statusTypeOther status = 4
	statusGroupLost status = 5
	statusAskAgain  status = 6
	statusReadStale status = 7
	statusUnsettled status = -1
)

// firstOrdinal is the place of the first event of a stream in its group.
const firstOrdinal = 1

// group is what stands or falls together.
type group struct {
	streams []groupStream
	events  []groupEvent
	reads   []read
	bytes   int
	err     error // why the outcomes are missing
	// exclusive groups are appended while no other append is under way in any process.
	exclusive bool
}

// read is a stream that the group rests on without appending to it, at the version that it must have.
type read struct {
	id      uuid.UUID
	version int64
}

type groupStream struct {
	id       StreamID
	expected int64
	count    int32
	// The outcome. version is that of the last event appended, or the actual one of a conflict, or the
	// index of the event whose id was reused.
	status  status
	version int64
}

type groupEvent struct {
	NewEvent
	stream   int32 // index in streams
	ordinal  int32 // place among the stream's events of the group, from 1
	position int64 // the outcome
}

// newGroup turns the appends of one call into a group.
func newGroup(appends []Append) *group {
	n := 0
	for _, a := range appends {
		n += len(a.Events)
	}
	g := &group{streams: make([]groupStream, len(appends)), events: make([]groupEvent, 0, n)}
	for i, a := range appends {
		g.streams[i] = groupStream{id: a.Stream, expected: a.Expected, count: int32(len(a.Events)), status: statusUnsettled}
		for j, e := range a.Events {
			g.events = append(g.events, groupEvent{NewEvent: e, stream: int32(i), ordinal: int32(j + firstOrdinal)})
			g.bytes += e.size()
		}
	}
	return g
}

// stored reports whether the group's events are in the store, now or since before.
func (g *group) stored() bool {
	for _, s := range g.streams {
		if s.status != statusAppended && s.status != statusDuplicate {
			return false
		}
	}
	return true
}

// outdated reports whether the group was decided on versions that are not the present ones. An event whose id was used
// for another content is a sign of that too. An earlier attempt of the same step has decided, in another process and
// at another time. The state in memory has not seen it.
func (g *group) outdated() bool {
	for _, s := range g.streams {
		if s.status == statusConflict || s.status == statusIDReused || s.status == statusReadStale {
			return true
		}
	}
	return false
}

// repeated reports whether the group's events were there before this append. An earlier attempt of the same step has
// decided the same then, on the same states. Those may be old ones: others may have appended since.
func (g *group) repeated() bool {
	return slices.ContainsFunc(g.streams, func(s groupStream) bool { return s.status == statusDuplicate })
}

// contended reports whether another process has appended to a stream of the group.
func (g *group) contended() bool {
	return slices.ContainsFunc(g.streams, func(s groupStream) bool { return s.status == statusConflict || s.status == statusIDReused })
}

// askAgain reports whether the group lost only because another process created a stream meanwhile.
func (g *group) askAgain() bool {
	again := false
	for _, s := range g.streams {
		switch s.status {
		case statusAskAgain:
			again = true
		case statusAppended, statusDuplicate, statusGroupLost:
		default:
			return false
		}
	}
	return again
}

// idUsed reports whether the group was refused because an id of its events was used before.
func (g *group) idUsed() bool {
	return slices.ContainsFunc(g.streams, func(s groupStream) bool { return s.status == statusIDReused })
}

// refuseUsed makes a used id the outcome. Of two events that have it, the second is to blame. If it is not known
// which id it is, the group's only event is to blame, or none.
func (g *group) refuseUsed(id uuid.UUID) {
	stream, index := int32(0), int64(-1)
	for _, e := range g.events {
		if e.ID == id || len(g.events) == 1 {
			stream, index = e.stream, int64(e.ordinal-firstOrdinal)
		}
	}
	for i := range g.streams {
		g.streams[i].status = statusGroupLost
	}
	g.streams[stream].status, g.streams[stream].version = statusIDReused, index
}

// usedIDError is an engine's refusal of a whole call because of one event's id, which another event has.
type usedIDError struct {
	id    uuid.UUID // zero when it is not known
	cause error
}

func (e *usedIDError) Error() string {
	return fmt.Sprintf("event id %s was used before: %v", e.id, e.cause)
}
func (e *usedIDError) Unwrap() error { return e.cause }

// results returns the outcome of a stored group.
func (g *group) results() []Appended {
	results := make([]Appended, len(g.streams))
	positions := make([]int64, len(g.events))
	for i, s := range g.streams {
		results[i] = Appended{Version: s.version, Positions: positions[:0:s.count], Duplicate: s.status == statusDuplicate}
		positions = positions[s.count:]
	}
	for _, e := range g.events {
		r := &results[e.stream]
		r.Positions = append(r.Positions, e.position)
	}
	return results
}

// refusal returns why a group was not stored.
func (g *group) refusal() error {
	for _, s := range g.streams {
		switch s.status {
		case statusConflict:
			return &ConcurrencyConflict{Stream: s.id, Expected: s.expected, Actual: s.version}
		case statusIDReused:
			return &InvalidError{
				Stream: s.id, Index: int(s.version), Code: CodeEventIDReused,
				Message: "the event's id was used before, by another event",
			}
		case statusTypeOther:
			return &InvalidError{
				Stream: s.id, Index: -1, Code: CodeAggregateTypeDiffers,
				Message: "the id belongs to an aggregate of another type",
			}
		}
	}
	return ErrOutcomeUnknown // a group without an outcome
}

// want asks for a stream's history.
type want struct {
	stream StreamID
	after  int64
	// afterSequence is a sequence that the events asked for lie behind, 0 when none is known.
	afterSequence int64
	// shape picks a snapshot to start from, "" for none.
	shape string
}

// history is a stream from some version on.
type history struct {
	snapshot *snapshot // what the events build on, nil when they build on what the caller has
	events   []domain.Envelope
	version  int64 // of the last event, or of what the events build on
	sequence int64 // of the last event; 0 when there is none
}

// snapshot is a state at a version.
type snapshot struct {
	version  int64
	sequence int64
	shape    string
	state    []byte // JSON
}
