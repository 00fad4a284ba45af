package orphans

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"
)

// owing is what the finder remembers of ended orders that owe something.
type owing struct {
	// through is up to when it has looked through what happened.
	through time.Time
	// orders may owe something; most of them have a saga that is about to settle it.
	orders map[uuid.UUID]bool
}

// owing finds ended orders that owe something. It looks through what happened since the last look, and at the orders
// that owed something then.
func (l *looking) owing(ctx context.Context) bool {
	from, known := l.beginOwing()
	unsettled := map[uuid.UUID]bool{}
	for page := range slices.Chunk(known, pageSize) {
		if !l.examineOwing(ctx, page, unsettled) {
			return false
		}
	}
	for after := uuid.Nil; ; {
		page, err := l.o.Views.OwingOrders(ctx, from, l.before, after, pageSize)
		if err != nil {
			return l.fail(err)
		}
		if !l.examineOwing(ctx, page, unsettled) {
			return false
		}
		if len(page) < pageSize {
			l.endOwing(unsettled)
			return true
		}
		after = page[len(page)-1]
	}
}

func (l *looking) beginOwing() (from time.Time, known []uuid.UUID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	from = l.owed.through.Add(-owingOverlap)
	if l.owed.through.IsZero() {
		from = l.before.Add(-owingFor)
	}
	return from, slices.Collect(maps.Keys(l.owed.orders))
}

// endOwing remembers what is unsettled. With more than can be remembered, the next look goes through the same again.
func (l *looking) endOwing(unsettled map[uuid.UUID]bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(unsettled) <= owingMax {
		l.owed = owing{through: l.before, orders: unsettled}
	}
}

// examineOwing yields those of the orders that owe something and have no saga, and adds those that are not settled.
func (l *looking) examineOwing(ctx context.Context, page []uuid.UUID, unsettled map[uuid.UUID]bool) bool {
	page = slices.DeleteFunc(page, func(id uuid.UUID) bool { return unsettled[id] })
	without, err := l.o.Sagas.WithoutSaga(ctx, page, false)
	if err != nil {
		return l.fail(err)
	}
	for _, id := range page {
		needed := true // while it has a saga
		if slices.Contains(without, id) {
			var goOn bool
			if needed, goOn = l.examine(ctx, id); !goOn {
				return false
			}
		}
		if needed {
			unsettled[id] = true
		}
	}
	return true
}
