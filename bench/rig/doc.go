// Package rig runs the platform for the benchmarks of whole orders. Each server, and the platform, is a process of
// its own, so that their processor time can be told apart. It has a client of the API, and a watch over the views
// that costs little of what is measured.
//
//	r, err := rig.Start(ctx, rig.Options{Log: log})
//	defer r.Stop(ctx)
//	before := r.CPU()
//	// … load …
//	spent := r.CPU().Since(before)
//
// PostgreSQL flushes every commit to disk (fsync and synchronous_commit on). Kafka is the real one where the machine
// has Java and Maven, else the embedded broker. The Temporal server is the embedded stack's, on that same PostgreSQL.
//
// The platform is `orderloom all`. Its only settings are addresses, names, and three partitions for each topic: there
// is one projector, and more partitions would divide the work among several.
package rig
