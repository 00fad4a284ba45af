package eventstore

import "slices"

// decision is a set of commands that share streams, directly or through others: they are stored together.
type decision struct {
	repository *Repository
	requests   []*request
	entries    []*entry // all that the commands have recorded on, or share with those that have
	group      *group   // what to append; nil when nothing
	places     []*entry // of the group's streams
	stale      bool     // one of the states that a command relied on was not the present one
}

// join makes one decision of the commands that have touched a common stream.
func join(r *Repository, requests []*request) []*decision {
	parent := make([]int, len(requests))
	find := func(i int) int {
		for parent[i] != i {
			i = parent[i]
		}
		return i
	}
	first := make(map[*entry]int)
	for i, q := range requests {
		parent[i] = i
		for _, e := range q.command.tx.touched {
			if j, ok := first[e]; ok {
				// The earlier one stays the root, so that decisions and their commands keep their order.
				a, b := find(j), find(i)
				parent[max(a, b)] = min(a, b)
			} else {
				first[e] = i
			}
		}
	}
	var decisions []*decision
	at := make(map[int]*decision)
	for i, q := range requests {
		root := find(i)
		d := at[root]
		if d == nil {
			d = &decision{repository: r}
			at[root] = d
			decisions = append(decisions, d)
		}
		d.add(q)
	}
	return decisions
}

// add puts a command's events into the decision's group.
func (d *decision) add(q *request) {
	d.requests = append(d.requests, q)
	tx := q.command.tx
	for _, e := range tx.touched {
		if e.decision != d {
			e.decision, e.place = d, -1
			d.entries = append(d.entries, e)
		}
	}
	if len(tx.recorded) > 0 {
		d.rest(tx)
	}
	for i, r := range tx.recorded {
		e := r.entry
		if e.place < 0 {
			e.place = len(d.group.streams)
			d.places = append(d.places, e)
			d.group.streams = append(d.group.streams, groupStream{id: e.stream, expected: e.version, status: statusUnsettled})
		}
		s := &d.group.streams[e.place]
		s.count++
		d.group.events = append(d.group.events, groupEvent{NewEvent: q.command.events[i], stream: int32(e.place), ordinal: s.count})
		d.group.bytes += q.command.events[i].size()
	}
}

// rest makes the group rest on what the command has read without recording on it.
func (d *decision) rest(tx *Tx) {
	if d.group == nil {
		d.group = &group{}
	}
	d.group.exclusive = d.group.exclusive || tx.exclusive
	for _, l := range tx.looked {
		if !slices.Contains(tx.touched, l.entry) {
			d.group.reads = append(d.group.reads, read{id: l.entry.stream.ID, version: l.version})
		}
	}
}

func (d *decision) fail(f *flusher, err error) {
	d.repository.states.drop(d.entries)
	f.failAll(d.requests, err)
}

// conclude makes the pending events part of the states and answers the commands.
func (d *decision) conclude() {
	if d.group != nil {
		for _, e := range d.group.events {
			d.places[e.stream].sequence = max(d.places[e.stream].sequence, e.position)
		}
	}
	for _, e := range d.entries {
		e.version += int64(len(e.pending))
		// The entry stays in memory. A decision holds its callers' contexts and all that they refer to.
		e.pending, e.decision = nil, nil
		d.repository.considerSnapshot(e)
	}
	for _, q := range d.requests {
		q.answer(q.command.err)
	}
}
