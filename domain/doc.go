// Package domain holds the rules of Orderloom and nothing else: no I/O, no clock, no randomness.
//
// It is the innermost package on the way of an order. Each aggregate has a package of its own ([order], [payment],
// [inventory]) with the same shape. Functions that decide have this form:
//
//	func Confirm(o Order, c ConfirmOrder) ([]domain.Event, error)
//
// Deciding changes nothing. A decision that was taken before returns no events and no error, so that a retried
// command is harmless. Times and ids come in with the command. A function such as order.CanDispatch says whether a
// decision would be refused: sagas and API ask it, so that each rule has one home.
//
// One function evolves a state by a fact: Evolve(state, event) state. It owns the state that it is given and may
// change maps inside it in place. A caller that wants to keep the earlier state folds the events again.
//
// This package itself has what all aggregates share. That is the error type ([Error]) with its codes ([ErrorCode]), the
// event envelope ([Envelope]) and the sealed personal section of a payload ([Sealed]).
//
// # Glossary
//
// One word stands for one thing, in code, documents and messages.
//
//   - Aggregate: what is decided on as one: an order, a payment, or a stock item.
//   - Allocation: how many pieces of a SKU an order takes from one location.
//   - Amendment: a new shipping address for an order of which no shipment has left.
//   - Attention: what asks for a person: an order that is held, overdue or waiting.
//   - Authorise: to reserve a customer's money at the gateway without taking it.
//   - Backorder: goods that an order waits for because they are not in stock.
//   - Cancel: to end an order, or to take lines out of it, before the goods leave.
//   - Capture: to take money that was authorised.
//   - Checkpoint: how far a consumer has read, kept with what it has written.
//   - Command: what somebody asks for, in the imperative, such as DispatchShipment.
//   - Compensation: a step that undoes another one of the same saga.
//   - Confirm: to accept an order whose stock is reserved and whose payment is authorised.
//   - Decline: the gateway's answer that it does not authorise a payment.
//   - Dispatch: to hand a shipment to the carrier; its money is captured with it.
//   - Dispute: a customer's claim at the bank to get captured money back.
//   - Event: a fact about one aggregate, in the past tense, such as ShipmentDispatched.
//   - Expected version: the version of a stream on which a decision is based; an append to another one is a conflict.
//   - Fulfilment: the way of a confirmed order's shipments to their end.
//   - Gateway: the provider that moves the customers' money.
//   - Hold, review: a rule holds an order until a person has reviewed it, and approves or rejects it.
//   - Idempotency key: a caller's name for a request, so that it takes effect once however often it is sent.
//   - Line: some pieces of one SKU at one price, as they were ordered. Two lines of an order may have one SKU.
//   - Location: a place that goods leave from.
//   - Network: all locations, and the SKUs that orders wait for.
//   - Owed: of a refund that follows from a fact, and stays reserved until it is paid.
//   - Projection: what builds a view from the events.
//   - Reconciliation: the nightly comparison of the gateway's ledger with the payments.
//   - Refund: to give captured money back.
//   - Refusal: an error by a rule of the business; it has an [ErrorCode] and is never retried.
//   - Reservation: pieces of a stock item that are kept for one order; it is committed or released.
//   - Return: goods that come back after their delivery.
//   - Saga: the durable process that carries an order or a part of it, and undoes it on failure.
//   - Shipment: what leaves one location together. It is planned, dispatched, and then delivered, lost or refused.
//   - SKU: a kind of goods that is counted as one.
//   - Step: one activity of a saga; it may be repeated, and takes effect once.
//   - Stock item: the stock of one SKU at one location.
//   - Stream: the events of one aggregate, numbered from 1 without gaps.
//   - Upcaster: what turns the payload of an older version of an event into that of the next.
//   - View: a table that a projection builds, for reading.
//   - Void: to let go of what is authorised and not captured.
//
// [order]: https://pkg.go.dev/github.com/orderloom/orderloom/domain/order
// [payment]: https://pkg.go.dev/github.com/orderloom/orderloom/domain/payment
// [inventory]: https://pkg.go.dev/github.com/orderloom/orderloom/domain/inventory
package domain
