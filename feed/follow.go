package feed

import (
	"cmp"
	"context"
	"errors"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/eventstore"
	"github.com/orderloom/orderloom/internal/backoff"
)

const (
	// tailKept is how many new events are held in memory for all who follow.
	tailKept = 4096
	// tailBytesMax bounds their payloads.
	tailBytesMax = 16 << 20
	// tailPage is how many of them are taken in at once.
	tailPage = 1000
	// tailPause is how long the tail waits after an error.
	tailPause = time.Second
)

// errMoved ends what follows a store that is not where it was.
var errMoved = errors.New("the event store has begun a new epoch")

// Follow calls handle with page after page of a query: what there is, and then what comes, until ctx ends or handle
// fails. Pages without events are handed on too, since their cursor has moved. Those who follow share one reader of new
// events in each process. Errors: as [Feed.Page]; what handle returns; ctx's.
func (f *Feed) Follow(ctx context.Context, q Query, handle func(Page) error) error {
	at, identity, err := f.begin(ctx, &q)
	if err != nil {
		return err
	}
	r := f.enter(ctx)
	defer f.leave()
	for {
		page, wake, err := f.next(ctx, r, q, identity, at)
		if err != nil {
			return err
		}
		if page.position > at {
			at = page.position
			if err := handle(page); err != nil {
				return err
			}
		}
		if page.More {
			continue
		}
		select {
		case <-wake:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// next returns the page that follows a position, and what tells that there is more. It waits for its turn.
func (f *Feed) next(ctx context.Context, r *ring, q Query, identity eventstore.Identity, at int64) (page Page, wake <-chan struct{}, err error) {
	read, err := q.turn(ctx)
	if err != nil {
		return Page{}, nil, err
	}
	defer read()
	recent, last, wake, state := r.after(at)
	switch state {
	case ringBroken:
		return Page{}, nil, errMoved
	case ringReaches:
		page, err = f.pageOf(ctx, q, identity, recent, last)
	default:
		page, err = f.page(ctx, q, identity, at)
	}
	return page, wake, err
}

// Wait is [Feed.Page] for who would rather wait than get a page without events. Waiting ends the wait; the page may
// have no events then.
func (f *Feed) Wait(ctx, waiting context.Context, q Query) (Page, error) {
	page, err := f.pageInTurn(ctx, q)
	if err != nil || len(page.Events) > 0 || page.More {
		return page, err
	}
	q.Cursor = page.Next
	enough := errors.New("enough")
	err = f.Follow(waiting, q, func(p Page) error {
		if page = p; len(p.Events) > 0 || p.More {
			return enough
		}
		return nil
	})
	if errors.Is(err, enough) || waiting.Err() != nil {
		err = nil
	}
	return page, err
}

// pageOf makes a page of new events, the last of which are at a position.
func (f *Feed) pageOf(ctx context.Context, q Query, identity eventstore.Identity, recent []domain.Envelope, last int64) (page Page, err error) {
	recent = slices.DeleteFunc(recent, func(e domain.Envelope) bool { return !q.takes(e) })
	full, err := f.add(ctx, &page, q, identity, recent)
	if err != nil {
		return Page{}, err
	}
	if page.More = full > 0 && full < last; page.More {
		last = full
	}
	page.end(identity, last)
	return page, nil
}

// tail is the ring of those who follow at the moment.
type tail struct {
	mu    sync.Mutex
	users int
	ring  *ring
	stop  context.CancelFunc
}

// enter returns the ring of new events, which is filled as long as somebody follows.
func (f *Feed) enter(ctx context.Context) *ring {
	t := &f.tail
	t.mu.Lock()
	defer t.mu.Unlock()
	t.users++
	if t.ring == nil {
		filling, stop := context.WithCancel(context.WithoutCancel(ctx)) // it serves those who come later too
		t.ring, t.stop = &ring{wake: make(chan struct{}), from: math.MaxInt64}, stop
		go f.fill(filling, t.ring)
	}
	return t.ring
}

func (f *Feed) leave() {
	t := &f.tail
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.users--; t.users == 0 && t.ring != nil {
		t.stop()
		t.ring = nil
	}
}

// giveUp ends a ring, and those who follow it. Who comes next begins another one.
func (f *Feed) giveUp(r *ring) {
	t := &f.tail
	t.mu.Lock()
	if t.ring == r {
		t.stop()
		t.ring = nil
	}
	t.mu.Unlock()
	r.breakOff()
}

// fill reads new events into a ring until ctx ends, or the store is not the one that it was.
func (f *Feed) fill(ctx context.Context, r *ring) {
	var complaint backoff.Complaint
	var identity eventstore.Identity
	for ctx.Err() == nil {
		err := f.fillOnce(ctx, r, &identity)
		if changed := (*eventstore.StoreChangedError)(nil); errors.As(err, &changed) || errors.Is(err, errMoved) {
			f.giveUp(r)
			return
		}
		if ctx.Err() == nil && complaint.Due(err) {
			f.log.WarnContext(ctx, "can't follow the events, trying again", "error", err)
		}
		_ = backoff.Pause(ctx, tailPause)
	}
}

// fillOnce reads new events until something fails. Whether the store is still the same is asked each time.
func (f *Feed) fillOnce(ctx context.Context, r *ring, known *eventstore.Identity) error {
	identity, err := f.store.Check(ctx, eventstore.Cursor{Store: known.ID, Epoch: known.Epoch, Position: r.end()})
	switch {
	case err != nil:
		return err
	case known.Epoch != 0 && known.Epoch != identity.Epoch:
		return errMoved
	}
	if *known = identity; r.end() == 0 {
		mark, err := f.mark(ctx)
		if err != nil {
			return err
		}
		r.begin(mark)
	}
	return f.store.Tail(ctx, eventstore.ReadOptions{After: r.end(), Limit: tailPage}, 0, func(p eventstore.Page) error {
		r.take(p.Events, p.Next)
		return nil
	})
}

// ring is the newest events, up to the mark.
type ring struct {
	mu sync.Mutex
	// events are those with a sequence above from, up to last.
	events     []domain.Envelope
	bytes      int
	from, last int64
	broken     bool
	wake       chan struct{} // closed with the next change
}

// What a ring knows of the events after a position.
type ringState int

const (
	ringMisses ringState = iota
	ringReaches
	ringBroken
)

// after returns the events after a position, as copies, where the last of all stands, and what is closed once there
// are more.
func (r *ring) after(at int64) (events []domain.Envelope, last int64, wake <-chan struct{}, state ringState) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.broken:
		return nil, 0, nil, ringBroken
	case at < r.from:
		return nil, 0, r.wake, ringMisses
	}
	i, _ := slices.BinarySearchFunc(r.events, at+1, func(e domain.Envelope, sequence int64) int { return cmp.Compare(e.Sequence, sequence) })
	return slices.Clone(r.events[i:]), max(r.last, at), r.wake, ringReaches
}

func (r *ring) end() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.last
}

func (r *ring) begin(mark int64) { r.change(func() { r.from, r.last = mark, mark }) }

func (r *ring) breakOff() { r.change(func() { r.broken = true }) }

// take adds events, and forgets the oldest ones.
func (r *ring) take(events []domain.Envelope, last int64) {
	r.change(func() {
		r.events, r.last = append(r.events, events...), last
		for _, e := range events {
			r.bytes += len(e.Payload)
		}
		extra := max(len(r.events)-tailKept, 0)
		for _, e := range r.events[:extra] {
			r.bytes -= len(e.Payload)
		}
		for ; r.bytes > tailBytesMax; extra++ {
			r.bytes -= len(r.events[extra].Payload)
		}
		if extra > 0 {
			r.from = r.events[extra-1].Sequence
			r.events = slices.Clone(r.events[extra:])
		}
	})
}

// change changes the ring, and wakes those who wait for that.
func (r *ring) change(how func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	how()
	close(r.wake)
	r.wake = make(chan struct{})
}

// pageInTurn is [Feed.Page] that waits for its turn.
func (f *Feed) pageInTurn(ctx context.Context, q Query) (Page, error) {
	read, err := q.turn(ctx)
	if err != nil {
		return Page{}, err
	}
	defer read()
	return f.Page(ctx, q)
}
