// Package eventstore keeps every fact of the platform, in PostgreSQL, in the order in which it happened.
//
// On the way of an order it stands behind the activities, which decide and append, and before the relay,
// which publishes from it. Its tables are the outbox: an append is an activity's only write.
//
// # Appending
//
//	appended, err := store.Append(ctx, eventstore.Append{
//		Stream:   eventstore.StreamID{Type: domain.AggregateOrder, ID: orderID},
//		Expected: eventstore.NoStream,
//		Events:   []eventstore.NewEvent{…},
//	})
//
// The streams of one call stand or fall together. Concurrent calls share round trips and commits. A call
// may be repeated with the same events: what is there already is found, not stored twice.
//
// # Deciding
//
// A [Repository] folds streams into states, keeps them in memory, and appends what is decided on them:
//
//	var orders = eventstore.Aggregate[order.Order]{Type: domain.AggregateOrder, Evolve: order.Evolve}
//
//	state, version, err := eventstore.Execute(ctx, repository, orders, id, stamp,
//		func(o order.Order) ([]domain.Event, error) { return order.Cancel(o, command) })
//
// Decisions over several streams use [Repository.Decide] with [State] and [Record].
//
// # Reading everything
//
// [Store.Read], [Store.Events] and [Store.Tail] go through all events in the order of their sequence, from
// a cursor that is one number. A consumer keeps it with the store's identity, and has both checked
// ([Store.Check]) before it goes on.
//
// # What holds
//
//   - A confirmed event is there, once, for ever, at the position that was confirmed.
//   - Versions of a stream count from 1 without gaps.
//   - Nothing appears at or below a cursor that a page has returned.
//   - An event id names one event, as far as partitions are not archived.
//   - A caller that conflicts, sends bad input or stops waiting makes no other caller fail.
//   - A refusal by a decision is based on what is stored, not on an old state in memory.
//
// Why it is built as it is stands in docs/adr/0007-event-store.md; what it costs, in docs/benchmarks.md.
package eventstore
