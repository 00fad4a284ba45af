package eventstore

import (
	"fmt"
	"slices"
	"time"
)

// split tells commands whose streams are fought over by other processes, and those that share a stream
// with them, from the others.
func split(requests []*request) (optimistic, contended []*request) {
	fought := make(map[StreamID]bool)
	for _, r := range requests {
		for _, s := range r.streams {
			if e := r.command.repository.states.peek(s); e != nil && e.contended > 0 {
				fought[s] = true
			}
		}
	}
	if len(fought) == 0 {
		return requests, nil
	}
	for again := true; again; {
		again = false
		for _, r := range requests {
			hit := slices.ContainsFunc(r.streams, func(s StreamID) bool { return fought[s] })
			for _, s := range r.streams {
				if hit && !fought[s] {
					fought[s], again = true, true
				}
			}
		}
	}
	for _, r := range requests {
		if slices.ContainsFunc(r.streams, func(s StreamID) bool { return fought[s] }) {
			contended = append(contended, r)
		} else {
			optimistic = append(optimistic, r)
		}
	}
	return optimistic, contended
}

// decideLocked decides commands while the rows of their streams are held, so that nobody else can append
// in between. It costs a round trip more than deciding on what is in memory, and it can't lose.
func (f *flusher) decideLocked(requests []*request) {
	for attempt := 2; len(requests) > 0; attempt++ {
		var live []*request
		for _, q := range requests {
			switch {
			case q.ctx.Err() != nil:
				q.answer(q.ctx.Err())
			case attempt > decideAttemptsMax:
				q.answer(&ConcurrencyConflict{Stream: q.streams[0]})
			default:
				live = append(live, q)
			}
		}
		requests = nil
		for _, part := range parts(live) {
			requests = append(requests, f.decideHolding(part, attempt)...)
		}
	}
}

// parts divides commands into those that are decided together.
func parts(requests []*request) [][]*request {
	var together []*request
	var alone [][]*request
	for _, q := range requests {
		if q.command.alone {
			alone = append(alone, []*request{q})
		} else {
			together = append(together, q)
		}
	}
	return append(byRepository(together), alone...)
}

func (f *flusher) decideHolding(part []*request, attempt int) (again []*request) {
	f.round++
	r := part[0].command.repository
	entries, wants := r.missing(f.round, part, true)
	var histories []history
	streams, exclusive := toHold(part)
	err := f.persist(part, func() error {
		err := f.engine.lock(f.base, streams, exclusive)
		if err == nil {
			histories, err = f.engine.load(f.base, wants)
		}
		if err != nil {
			_ = f.engine.unlock(f.base, false) // err says why; a broken connection has let go already
		}
		return err
	})
	if err == nil {
		err = f.adoptHistories(r, entries, histories, part)
	}
	if err != nil {
		r.states.drop(entries)
		f.failAll(part, fmt.Errorf("load: %w", err))
		return nil
	}
	decisions := f.decideEach(r, part)
	var groups []*group
	for _, d := range decisions {
		if d.group != nil {
			groups = append(groups, d.group)
		}
	}
	if !exclusive && slices.ContainsFunc(groups, func(g *group) bool { return g.exclusive }) {
		return f.letGo(decisions)
	}
	f.appendHolding(groups, part)
	return f.settle(decisions, attempt)
}

// toHold returns the streams whose rows are held while the commands are decided, and whether exclusively.
func toHold(part []*request) (streams []StreamID, exclusive bool) {
	seen := make(map[StreamID]bool)
	for _, q := range part {
		exclusive = exclusive || q.command.exclusive
		for _, s := range q.streams {
			if !seen[s] {
				seen[s] = true
				streams = append(streams, s)
			}
		}
	}
	return streams, exclusive
}

// letGo undoes decisions that turned out to need an exclusive append, which is not to be asked for with rows held: they
// are made again.
func (f *flusher) letGo(decisions []*decision) (again []*request) {
	_ = f.engine.unlock(f.base, false) // nothing was sent; a broken connection has let go already
	for _, d := range decisions {
		for _, e := range d.entries {
			e.reset()
		}
		for _, q := range d.requests {
			q.command.exclusive = q.command.exclusive || q.command.tx.exclusive
		}
		again = append(again, d.requests...)
	}
	return again
}

// appendHolding stores the groups and lets go of the rows.
func (f *flusher) appendHolding(groups []*group, callers []*request) {
	start := time.Now()
	var err error
	if len(groups) > 0 {
		err = f.engine.append(f.base, groups)
	}
	if unlockErr := f.engine.unlock(f.base, err == nil); err == nil {
		err = unlockErr
	}
	switch {
	case len(groups) == 0:
	case err != nil:
		// Whether that was stored or not: sent again without the rows held, it is found or added.
		f.append(groups, callers)
	default:
		f.metrics.appended(groups, time.Since(start))
		f.wake.wake(groups)
	}
}
