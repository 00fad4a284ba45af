package recovery

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/catalog"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/eventstore"
)

// Sagas is what a recovery asks of Temporal. All calls may be repeated.
type Sagas interface {
	// OpenSagas returns the orders that have an open saga by Temporal's list, a page after a token; nil begins it. The
	// last page comes with a nil token.
	OpenSagas(ctx context.Context, token []byte) (orders []uuid.UUID, next []byte, err error)
	// ResumeOrder starts a saga that goes on with an order from its events. One that is open is replaced.
	ResumeOrder(ctx context.Context, o order.Order, replace bool) (started bool, err error)
	// PlaceAgain starts the saga of an order anew from what its first execution was asked, and ends the open one.
	// Error: not_found when Temporal does not know that any more.
	PlaceAgain(ctx context.Context, id uuid.UUID) error
}

// Keys takes back what became of customers' keys since the backup.
type Keys interface {
	// Recover compares the store's keys with those that Kafka knows. It erases again those that were erased, and takes
	// back those that are missing. With dry it only counts.
	Recover(ctx context.Context, dry bool) (erased, taken int, err error)
}

// Parts are what a recovery works with. All are required.
type Parts struct {
	Sources
	Sagas Sagas
	Keys  Keys
	// Order returns an order as the store's events tell it. Error: not_found.
	Order func(ctx context.Context, id uuid.UUID) (order.Order, error)
	// Invoiced returns up to which event invoices have numbers; nil leaves that out.
	Invoiced func(ctx context.Context) (int64, error)
	// Progress is told what is done, in words; nil is nobody.
	Progress func(format string, args ...any)
}

// Recovery takes back what the store has lost.
type Recovery struct{ p Parts }

// New returns a recovery.
func New(p Parts) *Recovery {
	if p.Progress == nil {
		p.Progress = func(string, ...any) {}
	}
	return &Recovery{p}
}

// Found is what others know, and the store does not.
type Found struct {
	// Identity is the store as it is.
	Identity eventstore.Identity
	// Known is how far others have seen it.
	Known eventstore.Known
	// Lost counts events that Kafka can give back, of Streams streams. Taken counts those that it has given back.
	Lost, Taken int64
	Streams     int
	// Gaps are streams of which events are lost for good. Foreign counts events at Kafka that are not of this store.
	Gaps    []Gap
	Foreign int64
	// Behind says what others know and the store does not; empty when there is nothing.
	Behind string
	// Since is how far back the gateway may know more than the events of the backup; zero for a confirmed store.
	Since time.Time
	// Erased counts customers' keys that were erased and are there again, Keys those that are missing.
	Erased, Keys int
	// Invoiced is up to which event invoices have numbers. Workers number what comes after it once the store is
	// confirmed, as it was before: see package invoicing.
	Invoiced int64
	// Open counts the sagas that are started anew from the events. Placed are orders that only Temporal knows: they are
	// placed again. Unplaced are those of them of which Temporal does not know any more what they were asked.
	Open             int
	Placed, Unplaced []uuid.UUID
	// Unread are orders with an event that this program does not know, as a newer one makes. Their sagas can't go on
	// from the events: they are left as they are.
	Unread []uuid.UUID
}

// Complete reports whether nothing is lost for good.
func (f Found) Complete() bool { return len(f.Gaps)+len(f.Unplaced) == 0 }

// Look finds what would have to be done, and changes nothing.
func (r *Recovery) Look(ctx context.Context) (Found, error) {
	f, err := r.scan(ctx, nil)
	if err == nil {
		f.Erased, f.Keys, err = r.p.Keys.Recover(ctx, true)
	}
	if err != nil {
		return f.Found, err
	}
	returning := f.returning
	err = r.eachOpen(ctx, func(ctx context.Context, id uuid.UUID, note func(func())) error {
		_, err := r.p.Order(ctx, id)
		if domain.Code(err) == catalog.CodeUnknownEvent {
			note(func() { f.Unread = append(f.Unread, id) })
			return nil
		}
		only := domain.Code(err) == domain.CodeNotFound && !returning[id]
		if err != nil && domain.Code(err) != domain.CodeNotFound {
			return err
		}
		note(func() {
			if only {
				f.Placed = append(f.Placed, id)
			} else {
				f.Open++
			}
		})
		return nil
	})
	return f.Found, err
}

// ErrIncomplete says that events or orders are lost for good, and that this was not accepted.
var ErrIncomplete = errors.New("not everything can be taken back")

// Carry takes back what was lost, and confirms the store's epoch. Without acceptLoss it stops before it confirms, with
// [ErrIncomplete], when something is lost for good or an order can't be read. It may be repeated, also after it was
// interrupted. A confirmed store that has lost something is doubted first; with one that has not, nothing is done.
func (r *Recovery) Carry(ctx context.Context, acceptLoss bool) (f Found, err error) {
	identity, err := r.p.Store.Identity(ctx)
	if err != nil {
		return f, err
	}
	if identity.Confirmed {
		s, err := r.scan(ctx, nil)
		if f = s.Found; err != nil || f.Behind == "" {
			return f, err
		}
		if _, err := r.p.Store.Doubt(ctx, identity, f.Behind); err != nil {
			return f, err
		}
	}
	s, err := r.scan(ctx, r.p.Store.TakeBack)
	if f = s.Found; err != nil {
		return f, err
	}
	if f.Erased, f.Keys, err = r.p.Keys.Recover(ctx, false); err != nil {
		return f, err
	}
	r.p.Progress("%d events taken back, %d customers erased again, %d customers' keys taken back", f.Taken, f.Erased, f.Keys)
	if len(f.Gaps) > 0 && !acceptLoss {
		return f, ErrIncomplete
	}
	if err := r.restartSagas(ctx, &f); err != nil {
		return f, err
	}
	r.p.Progress("%d sagas started anew from the events, %d orders placed again", f.Open, len(f.Placed))
	if len(f.Unplaced)+len(f.Unread) > 0 && !acceptLoss {
		return f, ErrIncomplete
	}
	if f.Since, err = r.since(ctx); err != nil {
		return f, err
	}
	if err := r.p.Store.Confirm(ctx, f.Identity, f.Known); err != nil {
		return f, err
	}
	if f.Identity, err = r.p.Store.Identity(ctx); err != nil {
		return f, err
	}
	r.p.Progress("epoch %d of the event store is confirmed: appends go on", f.Identity.Epoch)
	return f, r.mark(ctx, f.Identity)
}

// gatewayLead is how long before its event something may have happened at the gateway.
const gatewayLead = time.Hour

// since returns how far back the payments have to be compared with the gateway.
func (r *Recovery) since(ctx context.Context) (time.Time, error) {
	last, err := r.p.Store.RestoredAsOf(ctx)
	if err != nil || last.IsZero() {
		return last, err
	}
	return last.Add(-gatewayLead).UTC(), nil
}

// mark writes how far the store is now.
func (r *Recovery) mark(ctx context.Context, identity eventstore.Identity) error {
	position, err := r.p.Published(ctx)
	if err != nil {
		return err
	}
	return r.p.Marks.WriteMark(ctx, Mark{Store: identity.ID, Epoch: identity.Epoch, Sequence: position, At: time.Now().UTC()})
}

// found is [Found] with the orders whose events are among those to take back.
type found struct {
	Found
	returning map[uuid.UUID]bool
}

// scan compares the store with Kafka and the mark. With take it takes back what is lost.
func (r *Recovery) scan(ctx context.Context, take func(context.Context, []domain.Envelope) (int, error)) (found, error) {
	identity, err := r.p.Store.Identity(ctx)
	if err != nil {
		return found{}, err
	}
	s := newScan(r.p.Store, identity, take)
	err = s.run(ctx, r.p.Kafka, func(read, all int64) { r.p.Progress("%d of %d messages of Kafka compared", read, all) })
	f := found{Found{
		Identity: identity, Known: s.known, Lost: s.lost, Taken: s.taken, Streams: len(s.reached), Foreign: s.foreign,
	}, map[uuid.UUID]bool{}}
	if err != nil {
		return f, err
	}
	for id := range s.reached {
		f.returning[id] = true
	}
	for _, g := range s.gaps {
		f.Gaps = append(f.Gaps, *g)
	}
	slices.SortFunc(f.Gaps, func(a, b Gap) int { return cmp.Compare(a.Stream.String(), b.Stream.String()) })
	m, err := r.p.Marks.ReadMark(ctx)
	if err != nil {
		return f, fmt.Errorf("read the mark at Temporal: %w", err)
	}
	f.Known = m.atLeast(identity, f.Known)
	if r.p.Invoiced != nil {
		if f.Invoiced, err = r.p.Invoiced(ctx); err != nil {
			return f, err
		}
	}
	last, err := r.p.Store.LastSequence(ctx)
	f.Behind = s.behind(identity, f.Known, last)
	return f, err
}

// restartSagas starts every open saga anew. Its memory may be ahead of the events.
func (r *Recovery) restartSagas(ctx context.Context, f *Found) error {
	return r.eachOpen(ctx, func(ctx context.Context, id uuid.UUID, note func(func())) error {
		o, err := r.p.Order(ctx, id)
		switch {
		case err == nil:
			if _, err := r.p.Sagas.ResumeOrder(ctx, o, true); err != nil {
				return fmt.Errorf("resume order %s: %w", id, err)
			}
			note(func() { f.Open++ })
			return nil
		case domain.Code(err) == catalog.CodeUnknownEvent: // it must not hold up all the others
			note(func() { f.Unread = append(f.Unread, id) })
			return nil
		case domain.Code(err) != domain.CodeNotFound:
			return fmt.Errorf("load order %s: %w", id, err)
		}
		err = r.p.Sagas.PlaceAgain(ctx, id)
		switch {
		case err == nil:
			note(func() { f.Placed = append(f.Placed, id) })
			return nil
		case domain.Code(err) == domain.CodeNotFound:
			note(func() { f.Unplaced = append(f.Unplaced, id) })
			return nil
		}
		return fmt.Errorf("place order %s again: %w", id, err)
	})
}

// atOnce is how many orders are looked at, or started, at once.
const atOnce = 16

// eachOpen calls do for each order that has an open saga, several at once. What do gives to note runs alone. It ends
// with the first error.
func (r *Recovery) eachOpen(ctx context.Context, do func(ctx context.Context, id uuid.UUID, note func(func())) error) error {
	// All of them first: the sagas that are started would be listed too.
	var open []uuid.UUID
	for token := []byte(nil); ; {
		page, next, err := r.p.Sagas.OpenSagas(ctx, token)
		if err != nil {
			return err
		}
		open = append(open, page...)
		if token = next; len(token) == 0 {
			break
		}
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var mu sync.Mutex
	note := func(f func()) {
		mu.Lock()
		defer mu.Unlock()
		f()
	}
	next := make(chan uuid.UUID)
	var workers sync.WaitGroup
	for range min(atOnce, len(open)) {
		workers.Go(func() {
			for id := range next {
				if err := do(ctx, id, note); err != nil {
					stop(err)
				}
			}
		})
	}
	for i, id := range open {
		if i > 0 && i%1000 == 0 {
			r.p.Progress("%d of %d orders with an open saga", i, len(open))
		}
		select {
		case next <- id:
		case <-ctx.Done():
		}
	}
	close(next)
	workers.Wait()
	return context.Cause(ctx)
}
