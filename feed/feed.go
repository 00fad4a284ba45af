package feed

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/access"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/eventstore"
)

// Page sizes, in events.
const (
	LimitDefault = 100
	LimitMax     = 1000
)

// What a page costs at most, however little its filters pick. It then ends early, and the next one goes on.
const (
	// readsMax is how many times a page asks the store.
	readsMax = 5
	// span is how many sequence numbers are looked at each time.
	span = 20_000
	// batch is how many events are read each time for a caller who does not see all of them.
	batch = 1000
)

// TypesMax is how many types a query names at most.
const TypesMax = 100

// Store is the event store as the feed reads it.
type Store interface {
	// Read returns events of all streams after a sequence, up to the mark that no open append can undercut.
	Read(ctx context.Context, o eventstore.ReadOptions) (eventstore.Page, error)
	// Load returns the events of a stream.
	Load(ctx context.Context, stream eventstore.StreamID, after int64) ([]domain.Envelope, error)
	// First returns the first events of streams, as far as there are any.
	First(ctx context.Context, ids []uuid.UUID) ([]domain.Envelope, error)
	// Find returns an event. Errors: not_found.
	Find(ctx context.Context, id uuid.UUID) (domain.Envelope, error)
	// Before returns a sequence up to which no event is as new as a time; 0 where none is known.
	Before(ctx context.Context, at time.Time) (int64, error)
	// Check refuses a cursor that lies beyond what the store still has, as [eventstore.StoreChangedError].
	Check(ctx context.Context, c eventstore.Cursor) (eventstore.Identity, error)
	// Tail hands on new events as they come, until ctx ends.
	Tail(ctx context.Context, o eventstore.ReadOptions, poll time.Duration, handle func(eventstore.Page) error) error
}

var _ Store = (*eventstore.Store)(nil)

// Query asks for events.
type Query struct {
	// Caller is who asks: they get what they may see.
	Caller *access.Caller
	// Types are the types to choose; none for all.
	Types []string
	// OrderID is the one order whose events are asked for, those of its payment included; the zero id for all.
	OrderID uuid.UUID
	// Aggregate is the one stream whose events are asked for, such as that of goods; the zero value for all. It does
	// not go together with OrderID. Only its events after the version AfterVersion are read.
	Aggregate    Aggregate
	AfterVersion int64
	// Channel chooses orders of one channel, and their payments; empty for all there is.
	Channel string
	// From and To bound when it happened, To excluded; zero times don't.
	From, To time.Time
	// Personal opens the sections with personal data.
	Personal bool
	// Cursor is where to go on: after a page, or an event. [Now] begins with what comes next, and empty with the first
	// event.
	Cursor string
	// Limit is how many events a page has at most; 0 is [LimitDefault].
	Limit int
	// Turn is asked before each page is read that was waited for. What it returns is called once the page is read. With
	// nil, all who wait for an event read it at once.
	Turn func(ctx context.Context) (read func(), err error)
}

// turn asks for a turn where the query says so.
func (q Query) turn(ctx context.Context) (read func(), err error) {
	if q.Turn == nil {
		return func() {}, nil
	}
	return q.Turn(ctx)
}

// Page is some events, in their order.
type Page struct {
	Events []Event
	// Next goes on after this page. It has moved on also where the page has no events.
	Next string
	// More tells that there may be further events already.
	More bool

	// position is what Next stands for.
	position int64
}

// Position is the place of [Page.Next] among all events of the store.
func (p Page) Position() int64 { return p.position }

// end sets where the page ends.
func (p *Page) end(identity eventstore.Identity, position int64) {
	p.position, p.Next = position, cursorText(identity, position)
}

// Feed reads the events for those outside. It is safe for concurrent use.
type Feed struct {
	store  Store
	opener Opener
	log    *slog.Logger
	owners owners
	tail   tail

	mu       sync.Mutex
	identity eventstore.Identity
	asked    time.Time // when the identity was asked for
}

// New returns the feed of a store. Log is told when new events can't be read; nil is nobody.
func New(store Store, opener Opener, log *slog.Logger) *Feed {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Feed{store: store, opener: opener, log: log}
}

// Page returns the next events of a query. It may be repeated: the same cursor gives the same events, and later ones. A
// query from a time on skips what is older, at a cost that does not grow with it. Errors: invalid for what is no
// cursor; cursor_lost.
func (f *Feed) Page(ctx context.Context, q Query) (Page, error) {
	at, identity, err := f.begin(ctx, &q)
	if err != nil {
		return Page{}, err
	}
	return f.page(ctx, q, identity, at)
}

// Event returns one event. To who may not see it, it does not exist. Errors: not_found.
func (f *Feed) Event(ctx context.Context, q Query, id uuid.UUID) (Event, error) {
	env, err := f.store.Find(ctx, id)
	if err != nil {
		return Event{}, err
	}
	sees, err := f.visible(ctx, q, []domain.Envelope{env})
	if err != nil {
		return Event{}, err
	}
	if !sees[0] || !slices.Contains(aggregatesFor(q.Caller), env.AggregateType) {
		return Event{}, domain.Refuse(domain.CodeNotFound, "there is no event %s", id)
	}
	identity, err := f.known(ctx)
	if err != nil {
		return Event{}, err
	}
	return f.show(ctx, env, cursorText(identity, env.Sequence), q.Personal)
}

// begin returns where a query begins to read, and sets what it leaves open.
func (f *Feed) begin(ctx context.Context, q *Query) (position int64, identity eventstore.Identity, err error) {
	q.Limit = cmp.Or(q.Limit, LimitDefault)
	if position, identity, err = f.place(ctx, q); err != nil || q.From.IsZero() || q.Cursor == Now || q.streams() != nil {
		return position, identity, err
	}
	old, err := f.store.Before(ctx, q.From)
	return max(position, old), identity, err
}

// place returns where the cursor of a query stands.
func (f *Feed) place(ctx context.Context, q *Query) (position int64, identity eventstore.Identity, err error) {
	if identity, err = f.known(ctx); err != nil || q.Cursor == "" {
		return 0, identity, err
	}
	if q.Cursor == Now {
		position, err = f.mark(ctx)
		return position, identity, err
	}
	c, err := parseCursor(q.Cursor)
	if err != nil {
		return 0, identity, err
	}
	if c.Store == identity.ID && c.Epoch == identity.Epoch {
		return c.Position, identity, nil // nothing that was read in an epoch is gone before the next one
	}
	identity, err = f.check(ctx, c)
	return c.Position, identity, err
}

// check refuses a cursor that the store is behind. Error: cursor_lost.
func (f *Feed) check(ctx context.Context, c eventstore.Cursor) (eventstore.Identity, error) {
	identity, err := f.store.Check(ctx, c)
	if changed := (*eventstore.StoreChangedError)(nil); errors.As(err, &changed) {
		err = domain.Refuse(CodeCursorLost, "the events after this cursor are not those that followed it before")
	}
	return identity, err
}

// identityHolds is how long the store counts as the one that it was.
const identityHolds = 5 * time.Second

// known returns which store this is.
func (f *Feed) known(ctx context.Context) (eventstore.Identity, error) {
	f.mu.Lock()
	identity, asked := f.identity, f.asked
	f.mu.Unlock()
	if time.Since(asked) < identityHolds {
		return identity, nil
	}
	now := time.Now()
	identity, err := f.store.Check(ctx, eventstore.Cursor{})
	if err != nil {
		return identity, fmt.Errorf("ask which store this is: %w", err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.identity, f.asked = identity, now
	return identity, nil
}

// mark is the sequence up to which the store can be read.
func (f *Feed) mark(ctx context.Context) (int64, error) {
	page, err := f.store.Read(ctx, eventstore.ReadOptions{After: math.MaxInt64, Limit: 1})
	return page.HighWater, err
}

// aggregatesFor are the aggregates of which a caller sees events. Stock and locations are everybody's at once.
func aggregatesFor(c *access.Caller) []string {
	types := []string{domain.AggregateOrder, domain.AggregatePayment}
	if c.SeesAll() && c.Scopes.Has(access.ScopesOf(access.StockRead)) {
		types = append(types, domain.AggregateInventory, domain.AggregateNetwork)
	}
	return types
}

// page reads on from a position. The query has its limit.
func (f *Feed) page(ctx context.Context, q Query, identity eventstore.Identity, at int64) (Page, error) {
	if streams := q.streams(); streams != nil {
		return f.pageOfStreams(ctx, q, streams, identity, at)
	}
	size := batch
	if q.seesAll() {
		size = q.Limit
	}
	var page Page
	for range readsMax {
		read, err := f.store.Read(ctx, eventstore.ReadOptions{
			After: at, Limit: size, Span: span,
			Filter: eventstore.Filter{AggregateTypes: aggregatesFor(q.Caller), EventTypes: q.Types, From: q.From, To: q.To},
		})
		if err != nil {
			return Page{}, fmt.Errorf("read the feed: %w", err)
		}
		if at > read.HighWater { // another process may know of later events than this one, or they are gone
			if _, err := f.check(ctx, eventstore.Cursor{Store: identity.ID, Epoch: identity.Epoch, Position: at}); err != nil {
				return Page{}, err
			}
		}
		at = read.Next
		last, err := f.add(ctx, &page, q, identity, read.Events)
		if err != nil {
			return Page{}, err
		}
		if last > 0 { // the page is full
			at, page.More = last, last < read.Next || read.More
			break
		}
		if page.More = read.More; !read.More {
			break
		}
	}
	page.end(identity, at)
	return page, nil
}

// add adds to a page what the caller sees of these events. When that fills the page, it returns where the last of them
// stands, and otherwise 0.
func (f *Feed) add(ctx context.Context, page *Page, q Query, identity eventstore.Identity, events []domain.Envelope) (last int64, err error) {
	sees, err := f.visible(ctx, q, events)
	if err != nil {
		return 0, err
	}
	for i, env := range events {
		if !sees[i] {
			continue
		}
		e, err := f.show(ctx, env, cursorText(identity, env.Sequence), q.Personal)
		if err != nil {
			return 0, err
		}
		if page.Events = append(page.Events, e); len(page.Events) == q.Limit {
			return env.Sequence, nil
		}
	}
	return 0, nil
}

// seesAll reports whether nothing has to be known of an order to tell whether its events are chosen.
func (q *Query) seesAll() bool { return q.Caller.SeesAll() && q.Channel == "" }

// streams are those that a query is about; nil for all.
func (q *Query) streams() []eventstore.StreamID {
	switch {
	case q.OrderID != uuid.Nil:
		return []eventstore.StreamID{
			{Type: domain.AggregateOrder, ID: q.OrderID}, {Type: domain.AggregatePayment, ID: payment.ID(q.OrderID)},
		}
	case q.Aggregate != Aggregate{}:
		return []eventstore.StreamID{{Type: q.Aggregate.Type, ID: q.Aggregate.ID}}
	}
	return nil
}

// pageOfStreams reads some streams, which costs the same however many events there are besides.
func (f *Feed) pageOfStreams(ctx context.Context, q Query, streams []eventstore.StreamID, identity eventstore.Identity, at int64) (Page, error) {
	// The mark first: what lies up to it can be seen from now on.
	mark, err := f.mark(ctx)
	if err != nil {
		return Page{}, fmt.Errorf("read the feed: %w", err)
	}
	var events []domain.Envelope
	for _, stream := range streams {
		of, err := f.store.Load(ctx, stream, q.AfterVersion)
		if err != nil {
			return Page{}, fmt.Errorf("read the feed of %s %s: %w", stream.Type, stream.ID, err)
		}
		events = append(events, of...)
	}
	events = slices.DeleteFunc(events, func(e domain.Envelope) bool {
		return e.Sequence <= at || e.Sequence > mark || !q.takes(e)
	})
	slices.SortFunc(events, func(a, b domain.Envelope) int { return cmp.Compare(a.Sequence, b.Sequence) })
	var page Page
	last, err := f.add(ctx, &page, q, identity, events)
	if err != nil {
		return Page{}, err
	}
	at = max(at, mark)
	if page.More = last > 0 && last < events[len(events)-1].Sequence; page.More {
		at = last
	}
	page.end(identity, at)
	return page, nil
}

// takes reports whether a query of this caller is about an event at all, as far as the event itself tells.
func (q *Query) takes(e domain.Envelope) bool {
	return q.chooses(e) && slices.Contains(aggregatesFor(q.Caller), e.AggregateType) &&
		(q.OrderID == uuid.Nil || e.AggregateID == q.OrderID || e.AggregateID == payment.ID(q.OrderID)) &&
		(q.Aggregate == Aggregate{} || e.AggregateID == q.Aggregate.ID && e.AggregateType == q.Aggregate.Type)
}

// chooses reports whether an event has a type and a time that the query asks for.
func (q *Query) chooses(e domain.Envelope) bool {
	return (len(q.Types) == 0 || slices.Contains(q.Types, e.EventType)) &&
		(q.From.IsZero() || !e.Timestamp.Before(q.From)) && (q.To.IsZero() || e.Timestamp.Before(q.To))
}
