// Package readmodel answers questions about orders, customers, payments and stock from views that the
// projector keeps.
//
// It stands at the end of an order's way. The projector folds the events into the tables that this package describes,
// and the API reads them through a [Reader].
//
// Invariants:
//
//   - A view is a fold of events: what the projector stores is what [FoldOrder] makes of the same events. So a single
//     order can be answered from either, and each can prove the other.
//   - An order that was accepted is never denied: [Reader.Order] asks the cache, then the view, then
//     the event store.
//   - A cached order is never replaced by an older state of it.
//   - Lists are read by key, not by offset: an order that comes in between neither repeats nor hides
//     another one.
//   - What is read most, single orders and lists, was written as it is shown ([Shown]) and is passed on unread. A
//     list holds sealed sections only when it is asked for them.
//
// The smallest example:
//
//	r := readmodel.NewReader(pool, readmodel.Options{Events: store})
//	shown, err := r.Order(ctx, orderID)
package readmodel
