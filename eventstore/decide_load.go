package eventstore

import (
	"fmt"
	"slices"
)

// missing returns the streams that have to be loaded for the commands, and with refresh also those that
// are in memory. Streams that are expected to be fresh and are not in memory are taken to be empty.
func (r *Repository) missing(round uint64, requests []*request, refresh bool) ([]*entry, []want) {
	var entries []*entry
	var wants []want
	for _, q := range requests {
		for _, s := range slices.Concat(q.streams, q.reads) {
			e := r.states.get(s)
			if e.verified == round || e.loaded && !refresh {
				continue
			}
			if q.command.stamp.Fresh == s.ID && !refresh {
				e.loaded = true
				continue
			}
			e.verified = round
			entries = append(entries, e)
			wants = append(wants, want{stream: s, after: e.version, afterSequence: e.sequence, shape: r.shape(s.Type)})
		}
	}
	return entries, wants
}

// entries returns what is in memory of the streams.
func (r *Repository) entries(streams []StreamID) []*entry {
	entries := make([]*entry, len(streams))
	for i, s := range streams {
		entries[i] = r.states.get(s)
	}
	return entries
}

// shape returns the shape of snapshots that a type's states may start from, "" for none.
func (r *Repository) shape(aggregateType string) string {
	return r.aggregates[aggregateType].hash
}

func (f *flusher) load(wants []want, callers []*request) (histories []history, err error) {
	if len(wants) == 0 {
		return nil, nil
	}
	f.metrics.loads.Add(float64(len(wants)))
	err = f.persist(callers, func() (err error) {
		histories, err = f.engine.load(f.base, wants)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("load: %w", err)
	}
	return histories, nil
}

// adoptHistories puts histories into the states. A snapshot that can't be read is done without.
func (f *flusher) adoptHistories(r *Repository, entries []*entry, histories []history, callers []*request) error {
	for i, e := range entries {
		if e.adoptHistory(histories[i], r.log.catalog, r.aggregates[e.stream.Type]) {
			continue
		}
		f.logger.Warn("a snapshot can't be read, the stream is folded from its events", "stream", e.stream.String())
		whole, err := f.load([]want{{stream: e.stream}}, callers)
		if err != nil {
			return err
		}
		e.adoptHistory(whole[0], r.log.catalog, nil)
		e.verified = f.round
	}
	return nil
}

// restore gives back the states into which a refused decision has already put its events. It loads the streams again
// and adds what earlier commands of the flush recorded.
func (f *flusher) restore(tx *Tx, requests []*request) {
	for _, e := range tx.changed {
		version, pending := e.version, e.pending
		e.reset()
		histories, err := f.load([]want{{stream: e.stream, shape: tx.repository.shape(e.stream.Type)}}, requests)
		if err == nil {
			err = f.adoptHistories(tx.repository, []*entry{e}, histories, requests)
		}
		if err != nil {
			e.err = err
			continue
		}
		e.verified = f.round
		if len(pending) > 0 {
			// What was recorded was decided at the old version, and is appended there or not at all.
			e.version, e.pending = version, pending
			e.unfolded = append(e.unfolded, pending...)
		}
	}
}
