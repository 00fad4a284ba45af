package eventstore

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"time"

	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/catalog"
)

// Snapshottable is an [Aggregate], of whatever state, whose states may be kept as snapshots.
type Snapshottable interface {
	aggregateType() string
	shape() string
	restore(state []byte) (any, error)
	refold(from *snapshot, events []domain.Event) ([]byte, error)
}

func (a Aggregate[S]) aggregateType() string { return a.Type }

// restore returns the state in a snapshot, a *S.
func (a Aggregate[S]) restore(b []byte) (any, error) {
	state := new(S)
	if err := json.Unmarshal(b, state); err != nil {
		return nil, fmt.Errorf("read a snapshot of a %s: %w", a.Type, err)
	}
	return state, nil
}

// refold returns the JSON of the state after events on top of a snapshot, nil for none.
func (a Aggregate[S]) refold(from *snapshot, events []domain.Event) ([]byte, error) {
	var state S
	if from != nil {
		restored, err := a.restore(from.state)
		if err != nil {
			return nil, err
		}
		state = *restored.(*S)
	}
	for _, e := range events {
		state = a.Evolve(state, e)
	}
	b, err := json.Marshal(state)
	if err != nil {
		return nil, fmt.Errorf("write a snapshot of a %s: %w", a.Type, err)
	}
	return b, nil
}

// shape is a hash of the type S, down to its last field, and of Revision. A snapshot of another shape is
// not used: the state is folded from the events instead, and a new snapshot is taken in time.
func (a Aggregate[S]) shape() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %d\n", a.Type, a.Revision)
	describe(&b, reflect.TypeFor[S](), map[reflect.Type]bool{})
	sum := sha256.Sum256([]byte(b.String()))
	return hex.EncodeToString(sum[:8])
}

// describe writes the structure of a type. Unexported fields count, since a type that writes its own JSON
// keeps its contents there.
func describe(b *strings.Builder, t reflect.Type, seen map[reflect.Type]bool) {
	b.WriteString(t.String())
	if seen[t] {
		return
	}
	seen[t] = true
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array:
		b.WriteString(" of ")
		describe(b, t.Elem(), seen)
	case reflect.Map:
		b.WriteString(" of ")
		describe(b, t.Key(), seen)
		b.WriteString(" to ")
		describe(b, t.Elem(), seen)
	case reflect.Struct:
		b.WriteString(" {")
		for i := range t.NumField() {
			f := t.Field(i)
			fmt.Fprintf(b, "\n%s %q ", f.Name, f.Tag)
			describe(b, f.Type, seen)
		}
		b.WriteString("}")
	}
}

// snapshotsWaitingMax bounds how many streams wait for their snapshot; beyond it the snapshot is taken
// after another threshold of events.
const snapshotsWaitingMax = 100

// snapshotter takes snapshots in the background, from what is stored. Its goroutine exists only while
// there is something to do.
type snapshotter struct {
	flusher *flusher
	catalog *catalog.Catalog
	engine  snapshotEngine

	mu      sync.Mutex
	waiting []snapshotJob
	running bool
}

type snapshotJob struct {
	stream    StreamID
	aggregate registered
}

// snapshotEngine keeps snapshots. Unlike an [engine] it may be used concurrently.
type snapshotEngine interface {
	loadFrom(ctx context.Context, w want) (history, error)
	saveSnapshot(ctx context.Context, stream StreamID, s snapshot) error
}

// considerSnapshot has a snapshot taken when enough events lie behind the last one.
func (r *Repository) considerSnapshot(e *entry) {
	if e.version-e.snapshotVersion < int64(r.options.SnapshotEvery) || time.Since(e.snapshotAt) < r.options.SnapshotPause {
		return
	}
	a, ok := r.aggregates[e.stream.Type]
	if ok && r.snapshots.add(snapshotJob{stream: e.stream, aggregate: a}) {
		e.snapshotVersion, e.snapshotAt = e.version, time.Now()
	}
}

func (s *snapshotter) add(job snapshotJob) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.engine == nil || len(s.waiting) >= snapshotsWaitingMax {
		return false
	}
	s.waiting = append(s.waiting, job)
	if !s.running {
		s.running = true
		go s.run()
	}
	return true
}

func (s *snapshotter) run() {
	for {
		s.mu.Lock()
		if len(s.waiting) == 0 || s.flusher.base.Err() != nil {
			s.waiting, s.running = nil, false
			s.mu.Unlock()
			return
		}
		job := s.waiting[0]
		s.waiting = s.waiting[1:]
		s.mu.Unlock()
		if err := s.takeSnapshot(s.flusher.base, job); err != nil && s.flusher.base.Err() == nil {
			s.flusher.logger.Warn("a snapshot was not taken", "stream", job.stream.String(), "error", err)
		}
	}
}

// takeSnapshot folds what is stored and keeps the result.
func (s *snapshotter) takeSnapshot(ctx context.Context, job snapshotJob) error {
	shape := job.aggregate.hash
	h, err := s.engine.loadFrom(ctx, want{stream: job.stream, shape: shape})
	if err != nil || len(h.events) == 0 {
		return err
	}
	state, err := s.refold(job.aggregate, h)
	if err != nil && h.snapshot != nil { // what can't be read is replaced
		if h, err = s.engine.loadFrom(ctx, want{stream: job.stream}); err == nil {
			state, err = s.refold(job.aggregate, h)
		}
	}
	if err != nil {
		return err
	}
	last := h.events[len(h.events)-1]
	err = s.engine.saveSnapshot(ctx, job.stream, snapshot{version: last.Version, sequence: last.Sequence, shape: shape, state: state})
	if err != nil {
		return err
	}
	s.flusher.metrics.snapshots.Inc()
	return nil
}

func (s *snapshotter) refold(a Snapshottable, h history) (state []byte, err error) {
	events := make([]domain.Event, len(h.events))
	for i, env := range h.events {
		if events[i], err = s.catalog.Decode(env); err != nil {
			return nil, err
		}
	}
	return a.refold(h.snapshot, events)
}
