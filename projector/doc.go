// Package projector turns events into views: it reads them from Kafka, folds them in memory, and writes
// the views of a whole batch at once.
//
// On the way of an order it stands between the broker and the read model.
//
// Invariants:
//
//   - Versions are trusted, not offsets. Every view knows the last version it has of each stream that it
//     is built from: an event at or below is skipped, the next one applied, and one beyond makes the
//     projector fetch what is missing from the event store first. So a replayed, reordered, truncated or
//     emptied topic changes nothing about where the views end.
//   - Views, versions and checkpoint change in one transaction. Kafka's offsets are committed after it.
//   - An event that can't be applied parks its aggregate in that projection, and nothing else: the
//     aggregate's later events wait behind it, in order, for "orderloom parked".
//   - What neither Kafka nor a later event brings is found by the [Sweeper], which compares the versions
//     of the streams with those of the views.
//
// A projection is one file with a type that implements [Projection], and one line in [All].
//
// The smallest example:
//
//	p, err := projector.New(projector.Options{Pool: pool, Store: store, Broker: brokerConfig})
//	if err != nil {
//		return err
//	}
//	return p.Run(ctx)
package projector
