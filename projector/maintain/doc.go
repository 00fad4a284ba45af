// Package maintain does what operators do to the views: it rebuilds them, verifies them, and shows what is parked.
//
// It stands beside the projector, whose engine it uses: a rebuilt view comes from the same folds as a live one.
//
// Invariants:
//
//   - Readers and projectors go on while a view is rebuilt. They wait only for the swap of its tables, which folds the
//     last events.
//   - A rebuild may be interrupted at any moment. The next one goes on from where it was, unless the event store is
//     another one since ([eventstore.Store.Check]).
//   - A verification only reads. It compares every view, since a projection brings its own [projector.Verifier].
//   - What an operator has discarded stays out of a view, also in rebuilds.
//
// The smallest example:
//
//	m := maintain.New(projector.NewMender(projector.MenderOptions{Pool: pool, Source: source, Projections: views.All()}))
//	report, err := m.Rebuild(ctx, store, "orders", maintain.RebuildOptions{})
package maintain
