package eventstore

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"time"

	"github.com/google/uuid"
)

// Limits of a flush and of the queue before it.
const (
	// flushEventsMax and flushBytesMax bound what one round trip carries, so that nobody waits long for
	// the flush that is under way.
	flushEventsMax = 2_000
	flushBytesMax  = 8 << 20
	// queueEventsMax and queueBytesMax bound what waits; callers beyond it wait for room.
	queueEventsMax = 50_000
	queueBytesMax  = 64 << 20
	// answerGrace is how long a caller that gave up still waits for an answer that is on its way.
	answerGrace = 500 * time.Millisecond
	// Pauses between attempts while the database can't be reached.
	retryPauseMin = 5 * time.Millisecond
	retryPauseMax = time.Second
)

// request is what one caller wants of the flusher: an append or a decision.
type request struct {
	ctx     context.Context
	group   *group
	command *command
	streams []StreamID
	events  int // what it weighs
	bytes   int
	queued  time.Time

	stage  stage // guarded by the flusher's mutex
	passed bool  // an append that was left in the queue because a rival went first; same guard

	done chan struct{}
	err  error // set before done is closed
}

type stage int8

const (
	stageQueued    stage = iota
	stageTaken           // the flusher works on it
	stageAbandoned       // the caller left before it was taken
)

func (r *request) answer(err error) {
	r.err = err
	close(r.done)
}

// flusher coalesces what callers want into as few round trips as possible. It takes all that is queued, sends it, and
// takes again what has come in meanwhile. It never waits for more to come, so a lone caller is not slowed down. Its
// goroutine exists only while there is something to do.
type flusher struct {
	engine  engine
	base    context.Context // ends when the store is closed without waiting any longer
	cancel  context.CancelFunc
	logger  *slog.Logger
	metrics *metrics
	wake    waker
	gate    gate
	round   uint64 // counts what is decided together; used by the goroutine only

	mu      sync.Mutex
	queue   []*request
	running bool
	closed  bool
	idle    chan struct{} // closed when the goroutine ends; nil while nobody waits for that
}

func newFlusher(ctx context.Context, e engine, logger *slog.Logger, m *metrics) *flusher {
	base, cancel := context.WithCancel(context.WithoutCancel(ctx))
	return &flusher{
		engine: e, base: base, cancel: cancel, logger: logger, metrics: m,
		gate: gate{eventsMax: queueEventsMax, bytesMax: queueBytesMax},
	}
}

// do queues a request and waits for its end. Before the request is taken the caller may leave without a
// trace; after that it gets the true outcome, or [ErrOutcomeUnknown].
func (f *flusher) do(r *request) error {
	if err := f.gate.enter(r.ctx, r.events, r.bytes); err != nil {
		return err
	}
	if err := f.enqueue(r); err != nil {
		f.gate.leave(r.events, r.bytes)
		return err
	}
	select {
	case <-r.done:
		return r.err
	case <-r.ctx.Done():
	}
	if f.abandon(r) {
		return r.ctx.Err()
	}
	timer := time.NewTimer(answerGrace)
	defer timer.Stop()
	select {
	case <-r.done:
		return r.err
	case <-timer.C:
		return fmt.Errorf("%w: %w", ErrOutcomeUnknown, r.ctx.Err())
	}
}

func (f *flusher) enqueue(r *request) error {
	r.done = make(chan struct{})
	r.queued = time.Now()
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return ErrClosed
	}
	f.queue = append(f.queue, r)
	f.metrics.queueDepth.Set(float64(len(f.queue)))
	if !f.running {
		f.running = true
		go f.run()
	}
	return nil
}

// abandon takes the request out of play if the flusher has not taken it yet.
func (f *flusher) abandon(r *request) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if r.stage != stageQueued {
		return false
	}
	r.stage = stageAbandoned
	f.gate.leave(r.events, r.bytes)
	return true
}

// close refuses new requests and waits for those that are queued, or until ctx ends; those that are then
// still there get an error.
func (f *flusher) close(ctx context.Context) error {
	f.mu.Lock()
	f.closed = true
	if !f.running {
		f.mu.Unlock()
		f.cancel()
		return nil
	}
	if f.idle == nil {
		f.idle = make(chan struct{})
	}
	idle := f.idle
	f.mu.Unlock()
	defer f.cancel()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
	}
	f.cancel()
	<-idle
	return ctx.Err()
}

// run works until the queue is empty.
func (f *flusher) run() {
	for f.await() {
		// Those who were just answered may want the next thing already: they run before it is looked what is
		// queued. With nobody else to run this takes no time.
		runtime.Gosched()
		requests := f.next()
		if len(requests) > 0 {
			f.flush(requests)
		}
	}
}

// await waits until the engine is ready for what is queued. It returns false when nothing is: the
// goroutine then ends.
func (f *flusher) await() bool {
	pause := retryPauseMin
	for {
		if f.rest() {
			return false
		}
		err := f.engine.ready(f.base)
		if err == nil {
			return true
		}
		// Nothing was sent, so whoever does not want to wait any longer leaves without a doubt.
		if f.base.Err() != nil || !f.engine.retryable(err) {
			f.failQueued(err)
			continue
		}
		f.logger.Warn("the event store can't be reached, appends wait", "error", err, "retry_in", pause)
		pause = f.sleep(pause)
	}
}

// rest drops what was abandoned, and reports whether nothing is left; the goroutine counts as ended then.
func (f *flusher) rest() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	queue := f.queue[:0]
	for _, r := range f.queue {
		if r.stage == stageQueued {
			queue = append(queue, r)
		}
	}
	clear(f.queue[len(queue):])
	f.queue = queue
	f.metrics.queueDepth.Set(float64(len(queue)))
	if len(queue) > 0 {
		return false
	}
	f.running = false
	if f.idle != nil {
		close(f.idle)
		f.idle = nil
	}
	return true
}

func (f *flusher) failQueued(err error) {
	if f.base.Err() != nil {
		err = ErrClosed
	}
	f.mu.Lock()
	queue := f.queue
	f.queue = nil
	for _, r := range queue {
		if r.stage == stageQueued {
			r.stage = stageTaken
			f.gate.leave(r.events, r.bytes)
			r.answer(err)
		}
	}
	f.mu.Unlock()
}

// sleep waits out a pause and returns the next one.
func (f *flusher) sleep(pause time.Duration) time.Duration {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-f.base.Done():
	}
	return min(2*pause, retryPauseMax)
}

// next removes from the queue what the next flush carries, in order. Decisions of one repository may
// share a stream, since they build on each other. An append whose stream is taken stays, and all that
// want one of its streams stay behind it.
func (f *flusher) next() []*request {
	f.mu.Lock()
	defer f.mu.Unlock()
	var taken []*request
	owners := make(map[uuid.UUID]any)
	events, bytes := 0, 0
	rest := f.queue[:0]
	full := false
	for _, r := range f.queue {
		if r.stage != stageQueued {
			continue
		}
		if !full && len(taken) > 0 && (events+r.events > flushEventsMax || bytes+r.bytes > flushBytesMax) {
			full = true
		}
		if full || !r.claim(owners) {
			rest = append(rest, r)
			continue
		}
		r.stage = stageTaken
		events, bytes = events+r.events, bytes+r.bytes
		taken = append(taken, r)
	}
	clear(f.queue[len(rest):])
	f.queue = rest
	f.metrics.queueDepth.Set(float64(len(rest)))
	for _, r := range taken {
		f.gate.leave(r.events, r.bytes)
	}
	return taken
}

// claim reserves the request's streams, or blocks them for those behind it when one is taken.
func (r *request) claim(owners map[uuid.UUID]any) bool {
	var owner any = r
	if r.command != nil {
		owner = r.command.repository
	}
	free := true
	for _, s := range r.streams {
		if o, taken := owners[s.ID]; taken && o != owner {
			free = false
		}
	}
	if !free {
		owner, r.passed = blocked{}, true
	}
	for _, s := range r.streams {
		if _, taken := owners[s.ID]; !taken || !free {
			owners[s.ID] = owner
		}
	}
	return free
}

// blocked owns the streams of a request that has to wait for the next flush.
type blocked struct{}

// flush answers all the requests.
func (f *flusher) flush(requests []*request) {
	var groups []*group
	var commands []*request
	for _, r := range requests {
		if r.command != nil {
			commands = append(commands, r)
		} else {
			groups = append(groups, r.group)
		}
	}
	optimistic, contended := split(commands)
	decisions := f.decide(optimistic)
	for _, d := range decisions {
		if d.group != nil {
			groups = append(groups, d.group)
		}
	}
	f.append(groups, requests)
	for _, r := range requests {
		if r.group != nil {
			f.answerAppend(r)
		}
	}
	f.refuseRivals(groups)
	again := f.settle(decisions, 1)
	f.decideLocked(append(again, contended...))
	for _, r := range commands {
		r.command.repository.states.trim()
	}
	f.metrics.flushed(requests)
}

func (f *flusher) answerAppend(r *request) {
	switch g := r.group; {
	case g.err != nil:
		r.answer(g.err)
	case g.stored():
		r.answer(nil)
	case g.askAgain():
		f.again(r)
	default:
		f.metrics.conflicts.Inc()
		r.answer(g.refusal())
	}
}

// again puts a taken request back to the front of the queue.
func (f *flusher) again(r *request) {
	for i := range r.group.streams {
		r.group.streams[i].status = statusUnsettled
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	r.stage = stageQueued
	f.gate.retake(r.events, r.bytes)
	f.queue = append([]*request{r}, f.queue...)
}

// append stores the groups, or says in each why that failed.
func (f *flusher) append(groups []*group, callers []*request) {
	if len(groups) == 0 {
		return
	}
	start := time.Now()
	f.appendApart(groups, callers)
	f.metrics.appended(groups, time.Since(start))
	f.wake.wake(groups)
}

// appendUntilKnown sends the groups. When the connection broke, it can't tell whether they were stored. It then sends
// the same again: by the ids the store tells what it has already.
func (f *flusher) appendUntilKnown(groups []*group, callers []*request) error {
	sent := false
	err := f.persist(callers, func() error {
		sent = true
		return f.engine.append(f.base, groups)
	})
	if err != nil && sent && f.engine.retryable(err) {
		return fmt.Errorf("%w: %w", ErrOutcomeUnknown, err)
	}
	return err
}

// persist runs what needs the engine, again and again while the engine can't be reached and one of the
// callers still waits.
func (f *flusher) persist(callers []*request, do func() error) error {
	pause := retryPauseMin
	for {
		err := f.engine.ready(f.base)
		if err == nil {
			err = do()
		}
		if err == nil || !f.engine.retryable(err) || f.base.Err() != nil || !waitedFor(callers) {
			return err
		}
		f.metrics.retries.Inc()
		f.logger.Warn("the event store was interrupted and tries again", "error", err, "retry_in", pause)
		pause = f.sleep(pause)
	}
}

// appendApart stores the groups together. When the database can't stomach one of them and refuses all, it
// sends them in halves, until that one fails alone. It takes an error of a program: a used event id, or what
// should have been found before it was queued.
func (f *flusher) appendApart(groups []*group, callers []*request) {
	err := f.appendUntilKnown(groups, callers)
	if err != nil && len(groups) > 1 && !f.engine.retryable(err) && f.base.Err() == nil {
		f.logger.Error("appends were refused as a whole and are sent apart", "error", err, "groups", len(groups))
		half := len(groups) / 2
		f.appendApart(groups[:half], callers)
		f.appendApart(groups[half:], callers)
		return
	}
	if used := (*usedIDError)(nil); errors.As(err, &used) && len(groups) == 1 {
		groups[0].refuseUsed(used.id)
		return
	}
	for _, g := range groups {
		g.err = err
	}
}

// waitedFor tells whether one of the callers has not given up.
func waitedFor(callers []*request) bool {
	for _, r := range callers {
		if r.ctx.Err() == nil {
			return true
		}
	}
	return false
}

// refuseRivals answers appends that waited for this flush and that it has made impossible: they expect a
// version at which another event now stands. The database need not tell them. One that carries the very
// same event is a retry, which only the database can judge.
func (f *flusher) refuseRivals(groups []*group) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.rivals() {
		return
	}
	type event struct {
		stream  uuid.UUID
		version int64
	}
	there := make(map[event]uuid.UUID)
	last := make(map[uuid.UUID]int64)
	for _, g := range groups {
		if g.err != nil || !g.stored() {
			continue
		}
		for _, e := range g.events {
			s := g.streams[e.stream]
			there[event{s.id.ID, s.version - int64(s.count) + int64(e.ordinal)}] = e.ID
			last[s.id.ID] = max(last[s.id.ID], s.version)
		}
	}
	queue := f.queue[:0]
	for _, r := range f.queue {
		conflict := (*ConcurrencyConflict)(nil)
		if r.passed && r.group != nil && r.stage == stageQueued {
			for _, e := range r.group.events {
				s := r.group.streams[e.stream]
				id, stands := there[event{s.id.ID, s.expected + int64(e.ordinal)}]
				if e.ordinal == firstOrdinal && s.expected >= 0 && stands && id != e.ID {
					conflict = &ConcurrencyConflict{Stream: s.id, Expected: s.expected, Actual: last[s.id.ID]}
				}
			}
		}
		if conflict == nil {
			queue = append(queue, r)
			continue
		}
		r.stage = stageTaken
		f.gate.leave(r.events, r.bytes)
		f.metrics.conflicts.Inc()
		r.answer(conflict)
	}
	clear(f.queue[len(queue):])
	f.queue = queue
}

func (f *flusher) rivals() bool {
	for _, r := range f.queue {
		if r.passed {
			return true
		}
	}
	return false
}
