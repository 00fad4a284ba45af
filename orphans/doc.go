// Package orphans finds orders whose saga does not fit their events, and starts another saga for each.
//
// Temporal's operators may terminate, delete or lose an execution. The order's events then say that it waits for
// something, and nobody carries it on: its stock stays reserved and its money authorised. A [Finder] compares the
// orders of the views with Temporal's open executions, and with the events before it does anything.
//
// It finds
//
//   - open orders without an open saga;
//   - orders that have ended, still owe a void, a refund or stock, and have no saga to settle it;
//   - orders that have ended, owe nothing, and have an open saga all the same, which is replaced;
//   - executions whose workflow tasks keep failing, which are shown only.
//
// A resumed saga goes on from the order's events, so starting one is safe at any time: see package workflows. What
// waits for an order's bank or goods is no saga of the order. It may outlive that, and the resumed saga finds it.
//
// Invariants:
//   - Nothing is resumed in a namespace of Temporal that carries another store's [Mark].
//   - An order that can't be looked at or resumed holds up no other one. It is tried again, with a growing pause.
//   - What a look remembers is bounded, however many orders there are.
package orphans
