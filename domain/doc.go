// Package domain holds the rules of Orderloom and nothing else: no I/O, no clock, no randomness.
//
// It is the innermost package on the way of an order. Each aggregate has a package of its own
// ([order], [payment], [inventory]) with the same shape: functions that decide, of the form
//
//	func Confirm(o Order, c ConfirmOrder) ([]domain.Event, error)
//
// and one function that evolves a state by a fact, Evolve(state, event) state. Deciding never
// changes anything; a decision that was already taken returns no events and no error, so that a
// retried command is harmless. Times and ids come in with the command.
//
// Evolve owns the state it is given: it may change maps inside it in place, so a caller that wants
// to keep the earlier state folds the events again.
//
// This package itself has what all aggregates share: the error type ([Error]), the event envelope
// ([Envelope]) and the sealed personal section of a payload ([Sealed]).
//
// [order]: https://pkg.go.dev/github.com/orderloom/orderloom/domain/order
// [payment]: https://pkg.go.dev/github.com/orderloom/orderloom/domain/payment
// [inventory]: https://pkg.go.dev/github.com/orderloom/orderloom/domain/inventory
package domain
