package eventstore

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/catalog"
)

// Tx is one decision: the streams it may look at, and what it records. It is valid only inside the
// function given to [Repository.Decide].
type Tx struct {
	repository *Repository
	stamp      Stamp
	entries    []*entry // of the streams that were named
	reads      []*entry // of the streams that it only looks at
	looked     []look   // of both, what was looked at or recorded on: the decision rests on their versions
	touched    []*entry // of those, what was recorded on, here or by an earlier decision of the same round
	exclusive  bool
	changed    []*entry // of those, whose states already hold what this decision recorded
	recorded   []recorded
}

// look is a stream that a decision has looked at, at the version that was stored of it.
type look struct {
	entry   *entry
	version int64
}

type recorded struct {
	entry *entry
	event domain.Event
	in    bool // the state of entry holds it
}

// State returns the state of a stream that was named to Decide: the zero S when it has no events. What
// was recorded on it in this decision is included. The state belongs to the repository: neither change
// it nor keep what it refers to.
//
// The decision rests on it: what is recorded, on whatever stream, is stored only if this is the present state then.
func State[S any](tx *Tx, a Aggregate[S], id uuid.UUID) S {
	return fold(tx, a, tx.look(StreamID{Type: a.Type, ID: id}))
}

// Peek is [State] for what need not be true any more when the decision is stored. It is for a choice between streams
// to record on, such as that of the nearest. Nothing is decided again because it has changed.
func Peek[S any](tx *Tx, a Aggregate[S], id uuid.UUID) S {
	return fold(tx, a, tx.entry(StreamID{Type: a.Type, ID: id}))
}

// Exclusive lets no other append be under way, in any process, while what the decision records is appended. Without
// it two decisions may each read what the other one records on, and neither sees the other. It holds up everyone for
// the time of one commit: it is for what happens rarely.
func Exclusive(tx *Tx) { tx.exclusive = true }

func fold[S any](tx *Tx, a Aggregate[S], e *entry) S {
	if _, known := tx.repository.aggregates[a.Type]; !known {
		tx.repository.register(a)
	}
	state := foldInto(e, a)
	for i := range tx.recorded {
		if r := &tx.recorded[i]; r.entry == e && !r.in {
			*state = a.Evolve(*state, r.event)
			r.in = true
			tx.changed = append(tx.changed, e)
		}
	}
	return *state
}

// Record adds events to a stream that was named to Decide. They are stored when the decision ends
// without an error.
func Record[S any](tx *Tx, a Aggregate[S], id uuid.UUID, events ...domain.Event) {
	if len(events) == 0 {
		return
	}
	e := tx.record(StreamID{Type: a.Type, ID: id})
	for _, event := range events {
		tx.recorded = append(tx.recorded, recorded{entry: e, event: event})
	}
}

// Version returns the version of a stream that was named to Decide, with what was recorded on it in this
// decision.
func Version[S any](tx *Tx, a Aggregate[S], id uuid.UUID) int64 {
	e := tx.look(StreamID{Type: a.Type, ID: id})
	version := e.version + int64(len(e.pending))
	for _, r := range tx.recorded {
		if r.entry == e {
			version++
		}
	}
	return version
}

// Require returns the error of the stamp's condition, nil without one. It is for a decision that records nothing itself
// and lets something happen that is recorded later.
func Require(tx *Tx) error {
	c := tx.stamp.If
	if c == nil {
		return nil
	}
	versions := make([]int64, len(c.Streams))
	for i, s := range c.Streams {
		e := tx.look(s)
		versions[i] = e.version + int64(len(e.pending))
	}
	return c.Holds(versions)
}

// misuse carries an error out of a decision that can't go on.
type misuse struct{ err error }

func (tx *Tx) entry(s StreamID) *entry {
	for _, e := range tx.entries {
		if e.stream == s {
			return e.usable()
		}
	}
	for _, e := range tx.reads {
		if e.stream == s {
			return e.usable()
		}
	}
	panic(misuse{fmt.Errorf("stream %s was not named to Decide", s)})
}

func (e *entry) usable() *entry {
	if e.err != nil {
		panic(misuse{e.err})
	}
	return e
}

// look returns the entry of a stream that the decision rests on. An earlier decision of the round may have recorded on
// the stream what is not stored yet. The two are stored together then.
func (tx *Tx) look(s StreamID) *entry {
	e := tx.entry(s)
	if !slices.ContainsFunc(tx.looked, func(l look) bool { return l.entry == e }) {
		tx.looked = append(tx.looked, look{entry: e, version: e.version})
	}
	if len(e.pending) > 0 {
		tx.touched = include(tx.touched, e)
	}
	return e
}

func (tx *Tx) record(s StreamID) *entry {
	if slices.ContainsFunc(tx.reads, func(e *entry) bool { return e.stream == s }) {
		panic(misuse{fmt.Errorf("stream %s was named to Decide to look at, not to record on", s)})
	}
	e := tx.look(s)
	tx.touched = include(tx.touched, e)
	return e
}

func include(entries []*entry, e *entry) []*entry {
	if slices.Contains(entries, e) {
		return entries
	}
	return append(entries, e)
}

// run decides. After an error nothing of the decision is left, save in the states of changed.
func (tx *Tx) run(decide func(*Tx) error) (events []NewEvent, err error) {
	defer func() {
		switch p := recover().(type) {
		case nil:
		case misuse:
			events, err = nil, p.err
		default:
			tx.changed = slices.Concat(tx.entries, tx.reads) // who knows how far Evolve came
			events, err = nil, fmt.Errorf("decide: panic: %v", p)
		}
	}()
	if err := decide(tx); err != nil {
		return nil, err
	}
	if len(tx.recorded) > 0 {
		if err := Require(tx); err != nil {
			return nil, err
		}
	}
	if len(tx.recorded) > callEventsMax {
		return nil, &InvalidError{
			Stream: tx.recorded[0].entry.stream, Index: -1, Code: CodeTooManyEvents,
			Message: fmt.Sprintf("a decision records at most %d events", callEventsMax),
		}
	}
	return tx.encode()
}

// eventNamespace is the root of the ids of events: the UUIDv5 of the DNS name "events.orderloom".
var eventNamespace = uuid.NewSHA1(uuid.NameSpaceDNS, []byte("events.orderloom"))

func (tx *Tx) encode() ([]NewEvent, error) {
	metadata := tx.stamp.Metadata
	if metadata.CausationID == "" {
		metadata.CausationID = tx.stamp.Source
	}
	events := make([]NewEvent, len(tx.recorded))
	for i, r := range tx.recorded {
		payload, err := catalog.Encode(r.event)
		if err != nil {
			return nil, err
		}
		events[i] = NewEvent{
			ID:   domain.DerivedID(eventNamespace, tx.stamp.Source+"#"+strconv.Itoa(i)),
			Type: r.event.EventType(), SchemaVersion: tx.repository.log.catalog.Version(r.event.EventType()),
			Payload: payload, Metadata: metadata, Timestamp: tx.stamp.At,
		}
		if code, message := events[i].fault(); code != "" {
			return nil, &InvalidError{Stream: r.entry.stream, Index: tx.place(i), Code: code, Message: message}
		}
	}
	return events, nil
}

// place is where the recorded event with this index stands among those on its stream.
func (tx *Tx) place(index int) (place int) {
	for _, r := range tx.recorded[:index] {
		if r.entry == tx.recorded[index].entry {
			place++
		}
	}
	return place
}

// accept adds what was recorded to the streams' pending events.
func (tx *Tx) accept() {
	for _, r := range tx.recorded {
		if !r.in {
			r.entry.unfolded = append(r.entry.unfolded, r.event)
		}
		r.entry.pending = append(r.entry.pending, r.event)
	}
}

// clone copies a state, through JSON where the aggregate has no other way.
func (a Aggregate[S]) clone(s S) (S, error) {
	if a.Clone != nil {
		return a.Clone(s), nil
	}
	var c S
	b, err := json.Marshal(s)
	if err == nil {
		err = json.Unmarshal(b, &c)
	}
	if err != nil {
		return c, fmt.Errorf("copy the state of a %s: %w", a.Type, err)
	}
	return c, nil
}

var errSourceMissing = errors.New("a stamp needs a source: the ids of events follow from it")
