// Package workflows holds the sagas: durable processes that carry an order from its placing to its delivery, or undo
// what was done.
//
//   - [OrderSaga] is the whole of an order. There is one execution per order, with the id order-<order id>.
//   - [PaymentSaga] secures an order's payment and waits for the customer's bank.
//   - [InventorySaga] secures an order's stock and waits for backordered goods.
//   - [LatePaymentSaga] lets money go that was authorised after its order had given up.
//   - [ReturnSaga] and [RefundSaga] give money back after the delivery.
//   - [AttentionSaga] carries out what a person has decided on what waits for one.
//   - [StockReceiptSaga] and [StockAdjustmentSaga] change the stock itself, and [LocationSaga] where it may lie.
//   - [NoteSaga] and [DetailsSaga] tell of an order what changes nothing about it.
//   - [ReconciliationSaga] compares the gateway's ledger with the payments every night.
//
// Nothing here does I/O, reads a clock, makes a random number or ranges over a map: the Temporal server replays the
// code. All of that is done by steps, which are the activities of package activities. What callers and stored
// executions depend on is in names.go.
//
// A saga runs inside the order's execution until it has to wait. [OrderSaga] calls the same function inline, and
// starts it as an execution of its own when it must wait for somebody.
//
// Two habits make a saga durable. A step runs as a local activity first. When that fails for a reason that passes,
// the step goes on as an activity of the server, retried without end (step.go). A compensation is pushed before its
// step, since a step that timed out may have happened. The compensations run last in, first out, in a context that no
// cancellation reaches (compensation.go).
package workflows
