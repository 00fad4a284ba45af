package eventstore

import (
	"fmt"
	"slices"
)

// decide decides the commands in their order and returns what is to be stored.
func (f *flusher) decide(requests []*request) []*decision {
	f.round++
	var decisions []*decision
	for _, part := range byRepository(requests) {
		r := part[0].command.repository
		missing, wants := r.missing(f.round, part, false)
		histories, err := f.load(wants, part)
		if err == nil {
			err = f.adoptHistories(r, missing, histories, part)
		}
		if err != nil {
			r.states.drop(missing)
			f.failAll(part, err)
			continue
		}
		made := f.decideEach(r, part)
		if err := f.verify(made); err != nil {
			for _, d := range made {
				r.states.drop(d.entries)
			}
			f.failAll(part, err)
			continue
		}
		decisions = append(decisions, made...)
	}
	return decisions
}

func byRepository(requests []*request) (parts [][]*request) {
	index := make(map[*Repository]int)
	for _, r := range requests {
		i, ok := index[r.command.repository]
		if !ok {
			i = len(parts)
			index[r.command.repository] = i
			parts = append(parts, nil)
		}
		parts[i] = append(parts[i], r)
	}
	return parts
}

func (f *flusher) failAll(requests []*request, err error) {
	for _, r := range requests {
		r.answer(err)
	}
}

// decideEach decides each command once and joins those that depend on each other.
func (f *flusher) decideEach(r *Repository, requests []*request) []*decision {
	for _, q := range requests {
		c := q.command
		c.tx = &Tx{repository: r, stamp: c.stamp, entries: r.entries(q.streams), reads: r.entries(q.reads)}
		f.metrics.decisions.Inc()
		c.events, c.err = c.tx.run(c.decide)
		if c.err != nil {
			c.tx.recorded = nil
			f.restore(c.tx, requests)
			continue
		}
		c.tx.accept()
	}
	return join(r, requests)
}

// relies is a decision that records nothing, and a version that it is based on.
type relies struct {
	decision *decision
	version  int64
}

// verify asks for the present versions of the streams that a refusal, or a decision to do nothing, was
// based on without appending to them. What an append is based on is verified by the append.
func (f *flusher) verify(decisions []*decision) error {
	var entries []*entry
	var callers []*request
	relying := make(map[*entry][]relies)
	for _, d := range decisions {
		for _, q := range d.requests {
			if len(q.command.tx.recorded) > 0 {
				continue
			}
			for _, l := range q.command.tx.looked {
				e := l.entry
				if slices.Contains(q.command.tx.touched, e) || e.verified == f.round && relying[e] == nil {
					continue
				}
				if e.verified != f.round {
					e.verified = f.round
					entries = append(entries, e)
					callers = append(callers, q)
				}
				relying[e] = append(relying[e], relies{decision: d, version: l.version})
			}
		}
	}
	if len(entries) == 0 {
		return nil
	}
	streams := make([]StreamID, len(entries))
	for i, e := range entries {
		streams[i] = e.stream
	}
	var versions []int64
	err := f.persist(callers, func() (err error) {
		versions, err = f.engine.versions(f.base, streams)
		return err
	})
	if err != nil {
		return fmt.Errorf("read versions: %w", err)
	}
	for i, e := range entries {
		for _, r := range relying[e] {
			if r.version != versions[i] {
				r.decision.stale, r.decision.group = true, nil
			}
		}
	}
	return nil
}

// settle answers the commands of decisions that were stored or needed no storing, and returns those that
// must be decided again. Those are the ones that were made on an old state, or have repeated what was there.
func (f *flusher) settle(decisions []*decision, attempt int) (again []*request) {
	for _, d := range decisions {
		used := d.group != nil && d.group.err == nil && d.group.idUsed()
		switch {
		case used && attempt >= idUsedAttempts && len(d.requests) == 1:
			d.fail(f, d.group.refusal())
		case d.stale, d.group != nil && d.group.err == nil && (d.group.outdated() || d.group.repeated()):
			f.metrics.conflicts.Inc()
			f.metrics.redecisions.Add(float64(len(d.requests)))
			for _, e := range d.entries {
				e.reset()
				if d.stale || d.group.contended() {
					e.contended = contendedRounds
				}
			}
			for _, q := range d.requests {
				q.command.alone = q.command.alone || used && attempt > 1
				q.command.exclusive = q.command.exclusive || q.command.tx.exclusive
			}
			again = append(again, d.requests...)
		case d.group != nil && d.group.err != nil:
			d.fail(f, d.group.err)
		case d.group != nil && !d.group.stored():
			d.fail(f, d.group.refusal())
		default:
			d.conclude()
		}
	}
	return again
}
