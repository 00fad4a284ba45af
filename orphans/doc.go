// Package orphans finds orders that are open and have no open saga, and starts a saga for each.
//
// Temporal's operators may terminate, delete or lose an execution. The order's events then say that it waits for
// something, and nobody carries it on: its stock stays reserved and its money authorised. A [Finder] compares the open
// orders of the views with Temporal's open executions, and with the events before it does anything.
//
// A cancelled order counts as open while its money is held: a saga records the cancellation before it carries it out.
//
// A resumed saga goes on from the order's events, so starting one is safe at any time: see package workflows.
package orphans
