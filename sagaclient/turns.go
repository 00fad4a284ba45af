package sagaclient

import (
	"context"
	"fmt"
	"sync"

	"github.com/google/uuid"
)

// updatesAtOnce is how many updates of one order this process has in flight. The server takes ten for an execution and
// refuses the next. The SDK asks again then, after pauses that grow.
const updatesAtOnce = 8

// turns lets the requests to one order take turns. The zero value is ready for use.
type turns struct {
	mu     sync.Mutex
	orders map[uuid.UUID]*line
}

// line is who asks an order at present.
type line struct {
	slots chan struct{}
	users int
}

// take waits for a turn and returns how to end it. Error: [ErrUnavailable] when ctx ends before: the saga has not heard
// of the request then.
func (t *turns) take(ctx context.Context, orderID uuid.UUID) (end func(), err error) {
	l := t.join(orderID)
	select {
	case l.slots <- struct{}{}:
		return func() { <-l.slots; t.leave(orderID, l) }, nil
	case <-ctx.Done():
		t.leave(orderID, l)
		return nil, fmt.Errorf("%w: many requests to order %s wait already", ErrUnavailable, orderID)
	}
}

// waiting counts the requests that wait for their turn.
func (t *turns) waiting() (count int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, l := range t.orders {
		count += max(0, l.users-updatesAtOnce)
	}
	return count
}

func (t *turns) join(orderID uuid.UUID) *line {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.orders == nil {
		t.orders = make(map[uuid.UUID]*line)
	}
	l := t.orders[orderID]
	if l == nil {
		l = &line{slots: make(chan struct{}, updatesAtOnce)}
		t.orders[orderID] = l
	}
	l.users++
	return l
}

func (t *turns) leave(orderID uuid.UUID, l *line) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if l.users--; l.users == 0 {
		delete(t.orders, orderID)
	}
}
