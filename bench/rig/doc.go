// Package rig is what the benchmarks of whole orders stand on: the servers and the platform, each a
// process of its own so that the processor's time can be told apart; a client of the API; and a watch
// over the views that costs little of what is being measured.
//
//	r, err := rig.Start(ctx, rig.Options{Log: log})
//	defer r.Stop(ctx)
//	before := r.CPU()
//	// … load …
//	spent := r.CPU().Since(before)
//
// PostgreSQL flushes every commit to disk (fsync and synchronous_commit on). Kafka is the real one where
// the machine has Java and Maven, else the embedded broker. The Temporal server is the embedded stack's,
// on that same PostgreSQL. The platform is `orderloom all`, with no setting but addresses, names, and three
// partitions for each topic: there is one projector, and partitions are for dividing the work among several.
package rig
