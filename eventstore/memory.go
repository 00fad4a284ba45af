package eventstore

import (
	"context"
	"encoding/json"
	"log/slog"
	"reflect"
	"slices"
	"sync"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/catalog"
)

// Memory is an event store in memory, for unit tests. It passes the same conformance suite as [Store],
// and a [Repository] works on it. It needs no closing.
type Memory struct {
	log

	mu      sync.RWMutex
	events  []domain.Envelope // by sequence
	streams map[uuid.UUID]*memoryStream
	ids     map[uuid.UUID]struct{} // of events
	states  map[uuid.UUID]snapshot
}

type memoryStream struct {
	aggregateType string
	events        []int // indexes in events
}

// NewMemory returns an empty store for the aggregate types of the catalog.
func NewMemory() *Memory {
	m := &Memory{streams: make(map[uuid.UUID]*memoryStream), ids: make(map[uuid.UUID]struct{}), states: make(map[uuid.UUID]snapshot)}
	m.log = log{types: catalog.AggregateTypes(), snapshots: m}
	// The flusher's goroutine ends by itself whenever the queue is empty, so nothing needs this context.
	m.flusher = newFlusher(context.Background(), (*memoryEngine)(m), slog.New(slog.DiscardHandler), newMetrics(nil))
	return m
}

// Close is as [Store.Close].
func (m *Memory) Close(ctx context.Context) error { return m.flusher.close(ctx) }

// Load is as [Store.Load].
func (m *Memory) Load(ctx context.Context, stream StreamID, after int64) ([]domain.Envelope, error) {
	h, err := m.loadFrom(ctx, want{stream: stream, after: max(after, 0)})
	return h.events, err
}

// Read is as [Store.Read].
func (m *Memory) Read(ctx context.Context, o ReadOptions) (Page, error) {
	o, err := o.checked()
	if err != nil {
		return Page{}, err
	}
	if err := ctx.Err(); err != nil {
		return Page{}, err
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	page := Page{HighWater: int64(len(m.events)), Next: o.After}
	to := page.HighWater
	if o.Span > 0 && o.Span < to-o.After {
		to = o.After + o.Span
	}
	page.More = to < page.HighWater
	for _, e := range m.events[min(o.After, to):to] {
		if !o.Filter.match(e) {
			page.Next = e.Sequence
			continue
		}
		if len(page.Events) == o.Limit {
			page.More = true
			break
		}
		page.Events = append(page.Events, e)
		page.Next = e.Sequence
	}
	return page, nil
}

func (m *Memory) loadFrom(ctx context.Context, w want) (history, error) {
	if err := ctx.Err(); err != nil {
		return history{}, err
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.history(w), nil
}

func (m *Memory) history(w want) history {
	h := history{version: w.after}
	if s, ok := m.states[w.stream.ID]; ok && s.shape == w.shape && s.version > w.after {
		h.snapshot, h.version, h.sequence = &s, s.version, s.sequence
	}
	stream := m.streams[w.stream.ID]
	if stream == nil || int64(len(stream.events)) <= h.version {
		return h
	}
	for _, i := range stream.events[h.version:] {
		h.events = append(h.events, m.events[i])
		h.version, h.sequence = m.events[i].Version, m.events[i].Sequence
	}
	return h
}

func (m *Memory) saveSnapshot(_ context.Context, stream StreamID, s snapshot) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if old, ok := m.states[stream.ID]; !ok || old.version < s.version || old.shape != s.shape {
		m.states[stream.ID] = s
	}
	return nil
}

// memoryEngine is the part of a [Memory] that the flusher sees.
type memoryEngine Memory

func (m *memoryEngine) ready(ctx context.Context) error { return ctx.Err() }
func (m *memoryEngine) retryable(error) bool            { return false }

func (m *memoryEngine) lock(context.Context, []StreamID, bool) error { return nil }
func (m *memoryEngine) unlock(context.Context, bool) error           { return nil }

func (m *memoryEngine) load(_ context.Context, wants []want) ([]history, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	histories := make([]history, len(wants))
	for i, w := range wants {
		histories[i] = (*Memory)(m).history(w)
	}
	return histories, nil
}

func (m *memoryEngine) versions(_ context.Context, streams []StreamID) ([]int64, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	versions := make([]int64, len(streams))
	for i, s := range streams {
		versions[i] = m.version(s.ID)
	}
	return versions, nil
}

func (m *memoryEngine) version(id uuid.UUID) int64 {
	if stream := m.streams[id]; stream != nil {
		return int64(len(stream.events))
	}
	return 0
}

func (m *memoryEngine) append(_ context.Context, groups []*group) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, g := range groups {
		m.appendGroup(g)
	}
	return nil
}

func (m *memoryEngine) appendGroup(g *group) {
	fresh, twice := false, false
	stale := slices.ContainsFunc(g.reads, func(r read) bool { return m.version(r.id) != r.version })
	for i := range g.streams {
		m.judge(g, int32(i))
		if g.streams[i].status == statusAppended && stale {
			g.streams[i].status = statusReadStale
		}
		switch g.streams[i].status {
		case statusAppended:
			fresh = true
		case statusDuplicate:
			twice = true
		default:
			fresh, twice = true, true
		}
	}
	if fresh && twice { // refused, or there only in part
		for i := range g.streams {
			switch s := &g.streams[i]; s.status {
			case statusAppended:
				s.status = statusGroupLost
			case statusDuplicate:
				s.status = statusConflict
			}
		}
		return
	}
	if twice || m.refuseUsed(g) {
		return
	}
	base := make([]int64, len(g.streams))
	for i, s := range g.streams {
		if m.streams[s.id.ID] == nil {
			m.streams[s.id.ID] = &memoryStream{aggregateType: s.id.Type}
		}
		base[i] = int64(len(m.streams[s.id.ID].events))
		g.streams[i].version = base[i] + int64(s.count)
	}
	for i := range g.events {
		e := &g.events[i]
		s := g.streams[e.stream]
		e.position = int64(len(m.events) + 1)
		m.streams[s.id.ID].events = append(m.streams[s.id.ID].events, len(m.events))
		m.ids[e.ID] = struct{}{}
		m.events = append(m.events, domain.Envelope{
			EventID: e.ID, AggregateID: s.id.ID, AggregateType: s.id.Type, EventType: e.Type, EventVersion: e.SchemaVersion,
			Payload: append(json.RawMessage(nil), e.Payload...), Metadata: e.Metadata, Timestamp: timeFrom(e.Timestamp.UnixMicro() - postgresEpoch),
			Version: base[e.stream] + int64(e.ordinal), Sequence: e.position,
		})
	}
}

// refuseUsed refuses the group if an id of its events was used before, anywhere, as the index of ids does.
func (m *memoryEngine) refuseUsed(g *group) bool {
	own := make(map[uuid.UUID]struct{}, len(g.events))
	for _, e := range g.events {
		_, used := m.ids[e.ID]
		if _, twice := own[e.ID]; used || twice {
			g.refuseUsed(e.ID)
			return true
		}
		own[e.ID] = struct{}{}
	}
	return false
}

// judge decides what becomes of one stream of a group, by the rules of the SQL function.
func (m *memoryEngine) judge(g *group, index int32) {
	s := &g.streams[index]
	stream := m.streams[s.id.ID]
	if stream == nil {
		stream = &memoryStream{aggregateType: s.id.Type}
	}
	actual := int64(len(stream.events))
	s.version = actual
	switch {
	case stream.aggregateType != s.id.Type:
		s.status = statusTypeOther
		return
	case s.expected == actual:
		s.status = statusAppended
		return
	}
	found, same, differs := 0, 0, -1
	first, last := int64(0), int64(0)
	for i := range g.events {
		e := &g.events[i]
		if e.stream != index {
			continue
		}
		there := m.find(stream, s.expected, e)
		if there == nil {
			continue
		}
		found++
		if first == 0 {
			first = there.Version
		}
		last = there.Version
		if there.EventType == e.Type && there.EventVersion == e.SchemaVersion && domain.SameJSON(there.Payload, e.Payload) {
			same++
			e.position = there.Sequence
		} else if differs < 0 {
			differs = int(e.ordinal) - firstOrdinal
		}
	}
	switch {
	case found == 0 && s.expected == Any:
		s.status = statusAppended
	case found == 0:
		s.status = statusConflict
	case same == int(s.count) && last-first+1 == int64(same):
		s.status, s.version = statusDuplicate, last
	default:
		if differs < 0 {
			differs = found
		}
		s.status, s.version = statusIDReused, int64(differs)
	}
}

// find returns the stored event with the id of e, at the version e would have, or at any without one.
func (m *memoryEngine) find(stream *memoryStream, expected int64, e *groupEvent) *domain.Envelope {
	for _, i := range stream.events {
		there := &m.events[i]
		if there.EventID == e.ID && (expected == Any || there.Version == expected+int64(e.ordinal)) {
			return there
		}
	}
	return nil
}

// jsonContains tells what jsonb's operator @> does (PostgreSQL documentation, 8.14.3), but for a bare
// element found in an array.
func jsonContains(whole, part json.RawMessage) bool {
	var x, y any
	return json.Unmarshal(whole, &x) == nil && json.Unmarshal(part, &y) == nil && containsValue(x, y)
}

func containsValue(whole, part any) bool {
	switch p := part.(type) {
	case map[string]any:
		w, ok := whole.(map[string]any)
		for k, v := range p {
			if there, has := w[k]; !has || !containsValue(there, v) {
				return false
			}
		}
		return ok
	case []any:
		w, ok := whole.([]any)
		for _, v := range p {
			if !slices.ContainsFunc(w, func(there any) bool { return containsValue(there, v) }) {
				return false
			}
		}
		return ok
	default:
		return reflect.DeepEqual(whole, part)
	}
}
