// Package projector turns events into views: it reads them from Kafka, folds them in memory, and writes
// the views of a whole batch at once.
//
// On the way of an order it stands between the broker and the read model. It knows no single view: those are in the
// packages below projector/views. What operators do to views is in projector/maintain, on the [Engine] of this package.
//
// Invariants:
//
//   - Versions are trusted, not offsets. Every view knows the last version it has of each stream that it is built from.
//     An event at or below is skipped, and the next one applied. One beyond makes the projector read what is missing
//     from the event store first. So a replayed, reordered, truncated or emptied topic does not change where views end.
//   - Views, versions and checkpoint change in one transaction. Kafka's offsets are committed after it.
//   - An event that can't be applied parks its aggregate in that projection, and nothing else. The aggregate's later
//     events wait behind it, in order, for "orderloom parked".
//   - What neither Kafka nor a later event brings is found by the sweeper, which compares the versions of the streams
//     with those of the views.
//   - Views that were built from another event store, or from events that it has lost, are not kept any further
//     ([Engine.CheckStore]).
//
// The smallest example:
//
//	p, err := projector.New(projector.Options{Pool: pool, Source: store, Broker: brokerConfig, Projections: views.All()})
//	if err != nil {
//		return err
//	}
//	return p.Run(ctx)
package projector
