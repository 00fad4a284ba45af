package webhooks

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/hashicorp/golang-lru/v2/simplelru"
	"github.com/orderloom/orderloom/feed"
	"github.com/orderloom/orderloom/internal/backoff"
	"github.com/orderloom/orderloom/internal/breaker"
)

// Limits of the work on one endpoint.
const (
	// sendsMax bounds the requests to an endpoint at once, and retriesMax those of held lanes.
	sendsMax   = 16
	retriesMax = 4
	// windowMax bounds how many events behind the place may be on their way or delivered. After a crash, these may be
	// delivered once more.
	windowMax = 512
	// flowPage is how many events are read at once.
	flowPage = 100
	// saveEvery is how often the place is written while events are delivered, and idleSaveEvery while it passes over
	// events that the endpoint does not get.
	saveEvery     = 500 * time.Millisecond
	idleSaveEvery = 10 * time.Second
	// storePause is how long it waits when the store can't be read.
	storePause = 2 * time.Second
	// failuresMax in a row, with nothing taken between them, make the endpoint rest.
	failuresMax = 5
	// previousKept is of how many orders the last event is remembered.
	previousKept = 10_000
)

// entry is a place in the window: an event on its way, or the end of a page.
type entry struct {
	at     int64
	cursor string
	done   bool
}

// signingKey is a key that signs until a time; the zero time is for ever.
type signingKey struct {
	key   Key
	until time.Time
}

// runner works on one endpoint. All of it belongs to one goroutine, except for what its sends and reads are given.
type runner struct {
	d        *Dispatcher
	endpoint Endpoint
	keys     []signingKey
	headers  map[string]string
	breaker  *breaker.Breaker

	// window is all between the place and where the feed was read to.
	window []*entry
	place  entry
	read   entry
	// flows are the lanes on their way from the place, held those with rows, and ready those of flows that may send.
	flows, held map[string]*lane
	ready       []*lane
	// over are lanes that have failed and can't be held, because LanesMax are.
	over   map[string]*lane
	latest *simplelru.LRU[string, uuid.UUID]

	pages   chan feed.Page
	results chan any
	flying  int
	retries int
	// unfollow ends the reader of the feed; nil while there is none.
	unfollow func()

	// until is when a rest ends, and probing is true until something is taken after it.
	until   time.Time
	probing bool

	delivered int64
	log       []logRow
	resent    []int64
	// changed tells that there is something to save besides a place that has moved.
	changed bool
	savedAt time.Time
	// complaint is about a database that does not take what is saved.
	complaint backoff.Complaint
	// endedFor is why the endpoint is to be disabled.
	endedFor string
}

func (d *Dispatcher) newRunner(ctx context.Context, e Endpoint) (*runner, error) {
	var part sealedPart
	if err := d.vault.Open(ctx, e.sealed, &part); err != nil {
		return nil, wrap("open the secret of an endpoint", err)
	}
	r := &runner{
		d: d, endpoint: e, headers: part.Headers, flows: map[string]*lane{}, held: map[string]*lane{}, over: map[string]*lane{},
		pages: make(chan feed.Page), results: make(chan any, 2*sendsMax), savedAt: time.Now(), probing: e.rests > 0,
		breaker: breaker.New(breaker.Settings{Of: "webhook_endpoint", Failures: failuresMax, Rest: time.Second, Probes: 1, Patience: RequestTimeout}),
	}
	if part.Next != "" {
		part.Keys = append(part.Keys, sealedKey{Key: part.Next})
	}
	for _, k := range part.Keys {
		key, err := ParseKey(k.Key)
		if err != nil {
			return nil, err
		}
		r.keys = append(r.keys, signingKey{key, k.Until})
	}
	if e.RestsUntil != nil {
		r.until = *e.RestsUntil
	}
	var err error
	if r.place.at, err = feed.PositionOf(e.Cursor); err != nil && e.Cursor != "" {
		return nil, wrap("read the place of an endpoint", err)
	}
	r.place.cursor, r.endpoint.place = e.Cursor, r.place.at
	r.read = r.place
	if r.latest, err = simplelru.NewLRU[string, uuid.UUID](previousKept, nil); err != nil {
		return nil, err
	}
	return r, r.loadLanes(ctx)
}

// run delivers until stop is closed, ctx ends, the endpoint is disabled, or another process has it.
func (r *runner) run(ctx context.Context, stop, wake <-chan struct{}) error {
	defer r.stopFollowing()
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		if err := r.saveIfDue(ctx); err != nil || r.endedFor != "" {
			return err
		}
		stopping := isClosed(stop)
		if stopping && r.flying == 0 {
			return r.save(ctx)
		}
		var pages chan feed.Page
		if !stopping {
			r.start(ctx)
			if r.follow(ctx) {
				pages = r.pages
			}
		}
		awaited := stop
		if stopping {
			awaited = nil
		}
		timer.Reset(r.nextDue())
		select {
		case p := <-pages:
			r.take(p)
		case result := <-r.results:
			r.flying--
			switch result := result.(type) {
			case sent:
				r.landed(result.lane)
				r.onSent(ctx, result)
			case fetched:
				r.landed(result.lane)
				r.onFetched(ctx, result)
			}
		case <-wake:
			if err := r.loadLanes(ctx); err != nil {
				return err
			}
		case <-timer.C:
		case <-awaited:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// resting reports whether nothing is to be sent for now.
func (r *runner) resting() bool { return r.d.now().Before(r.until) }

// follow reads the feed while there is room in the window, and reports whether a page is taken for now. An endpoint
// that rests reads nothing.
func (r *runner) follow(ctx context.Context) bool {
	if r.resting() || r.probing && len(r.held)+len(r.over)+len(r.ready) > 0 {
		r.stopFollowing()
		return false
	}
	if r.unfollow == nil {
		following, cancel := context.WithCancel(ctx)
		done := make(chan struct{})
		q := r.endpoint.Query(r.read.cursor, flowPage)
		go func() {
			defer close(done)
			r.followFrom(following, q)
		}()
		r.unfollow = func() { cancel(); <-done }
	}
	return len(r.window) < windowMax && len(r.over) == 0
}

// followFrom hands on pages of the feed until ctx ends.
func (r *runner) followFrom(ctx context.Context, q feed.Query) {
	var complaint backoff.Complaint
	for ctx.Err() == nil {
		err := r.d.feed.Follow(ctx, q, func(p feed.Page) error {
			select {
			case r.pages <- p:
				q.Cursor = p.Next
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
		if ctx.Err() == nil && complaint.Due(err) {
			r.d.log.WarnContext(ctx, "events for an endpoint of webhooks can't be read, trying again", "endpoint_id", r.endpoint.EndpointID, "error", err)
		}
		_ = backoff.Pause(ctx, storePause)
	}
}

func (r *runner) stopFollowing() {
	if r.unfollow != nil {
		r.unfollow()
		r.unfollow = nil
	}
}

// take puts the events of a page into their lanes. Those of held lanes are left to these.
func (r *runner) take(p feed.Page) {
	for _, e := range p.Events {
		before := r.read.cursor
		at := &entry{at: e.Position(), cursor: e.Cursor}
		r.window, r.read = append(r.window, at), *at
		id, kind, subject := laneOf(&e)
		if l := r.held[id]; l != nil && (!l.joined || at.at <= l.at) {
			l.left, at.done = at.at, true
			continue
		}
		l := r.flows[id]
		if l == nil {
			l = &lane{id: id, kind: kind, subject: subject, aggregate: e.Aggregate.Type}
			r.flows[id] = l
		}
		l.queue = append(l.queue, item{event: e, entry: at, before: before})
		if len(l.queue) == 1 {
			r.ready = append(r.ready, l)
		}
	}
	if p.Position() > r.read.at || len(p.Events) == 0 {
		r.read = entry{at: p.Position(), cursor: p.Next, done: true}
		end := r.read
		r.window = append(r.window, &end)
	}
	r.advance()
}

// advance moves the place past all that is done.
func (r *runner) advance() {
	n := 0
	for n < len(r.window) && r.window[n].done {
		r.place = *r.window[n]
		n++
	}
	r.window = r.window[n:]
}

// start begins sends and reads, as far as there is room. A probe is one send at a time.
func (r *runner) start(ctx context.Context) {
	if r.resting() || !r.d.alive() {
		return
	}
	room := sendsMax
	if r.probing {
		room = 1
	}
	for r.flying < room {
		l := r.nextHeld()
		if l == nil || r.retries >= retriesMax {
			if l = nil; len(r.ready) == 0 {
				return
			}
		}
		if l == nil {
			l, r.ready = r.ready[0], r.ready[1:]
		} else {
			r.retries++
			l.retry = true
		}
		r.begin(ctx, l)
	}
}

// nextHeld returns the lane that is due for the longest; nil for none. A probe takes one that is not due yet: it has
// waited long enough, and nobody else can try whether the endpoint answers.
func (r *runner) nextHeld() (next *lane) {
	now := r.d.now()
	for _, lanes := range []map[string]*lane{r.held, r.over} {
		for _, l := range lanes {
			idle := l.busy || l.joined || l.gone
			if !idle && (r.probing || !l.due.After(now)) && (next == nil || l.goesBefore(next)) {
				next = l
			}
		}
	}
	return next
}

// goesBefore reports whether a lane is taken before another one: because it has been read already, or is due longer.
func (l *lane) goesBefore(other *lane) bool {
	if read, otherRead := len(l.queue) > 0, len(other.queue) > 0; read != otherRead {
		return read
	}
	return l.due.Before(other.due)
}

// begin sends the head of a lane, or reads what a held one has to send.
func (r *runner) begin(ctx context.Context, l *lane) {
	l.busy = true
	r.flying++
	if len(l.queue) == 0 {
		copied := *l
		go func() {
			f := r.fetch(ctx, copied)
			f.lane = l
			r.results <- f
		}()
		return
	}
	it := l.queue[0]
	var previous uuid.UUID
	known := false
	if l.ofOrder() {
		previous, known = r.latest.Get(l.id)
	}
	copied := lane{kind: l.kind, subject: l.subject, cursor: l.cursor, attempts: l.attempts}
	go func() {
		s := r.send(ctx, &copied, it, known, previous)
		s.lane = l
		r.results <- s
	}()
}

// landed notes that a send or a read of a lane is over.
func (r *runner) landed(l *lane) {
	if l.busy = false; l.retry {
		l.retry = false
		r.retries--
	}
}

// nextDue is how long there is nothing to do by itself; a second at most, so that a clock that was set is noticed.
func (r *runner) nextDue() time.Duration {
	now := r.d.now()
	next := now.Add(beatEvery)
	if r.resting() {
		next = earlier(next, r.until)
	} else {
		for _, lanes := range []map[string]*lane{r.held, r.over} {
			for _, l := range lanes {
				if !l.busy && !l.joined && !l.gone && l.due.After(now) {
					next = earlier(next, l.due)
				}
			}
		}
	}
	wait := next.Sub(now)
	if due, any := r.saveDue(); any {
		wait = min(wait, time.Until(due))
	}
	return max(wait, 10*time.Millisecond)
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
