// Package workflows holds the sagas: the durable processes that carry an order from its placing to
// its delivery, and undo what was done when it can't go on.
//
//   - [OrderSaga] is the whole of an order. One execution per order, with the id order-<order id>.
//   - [PaymentSaga] secures an order's payment and outwaits the customer's bank.
//   - [InventorySaga] secures an order's stock.
//   - [StockReceiptSaga] and [StockAdjustmentSaga] change the stock itself.
//
// A saga runs inside the order's execution until it has to wait: the same function is called inline
// by [OrderSaga], and is an execution of its own when it must outwait something.
//
// Three habits make it durable. A step runs as a local activity first, and goes on as an activity of
// the server, retried without end, when it fails for a reason that passes (step.go). A compensation
// is pushed before its step, since a step that timed out may have happened, and the compensations run
// last in, first out on a context that no cancellation reaches (compensation.go). And nothing here
// reads a clock, makes a random number or ranges over a map: the Temporal server replays the code.
package workflows
