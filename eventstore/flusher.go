package eventstore

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"time"

	"github.com/orderloom/orderloom/internal/backoff"
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
	// complaint is about what is tried again and again.
	complaint backoff.Complaint
	round     uint64 // counts what is decided together; used by the goroutine only

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

// submit queues a request and waits for its end. Before the request is taken the caller may leave without a
// trace; after that it gets the true outcome, or [ErrOutcomeUnknown].
func (f *flusher) submit(r *request) error {
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
	wait := backoff.Between(retryPauseMin, retryPauseMax)
	for {
		if f.rest() {
			return false
		}
		err := f.engine.ready(f.base)
		if err == nil {
			f.complaint.Over()
			return true
		}
		// Nothing was sent, so whoever does not want to wait any longer leaves without a doubt.
		if f.base.Err() != nil || !f.engine.retryable(err) {
			f.failQueued(err)
			continue
		}
		if f.complaint.Due(err) {
			f.logger.Warn("the event store can't be reached, appends wait", "error", err)
		}
		_ = wait.Wait(f.base) // the loop looks whether base has ended
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
