// Package activities is what the sagas do to the world: they load an aggregate, let the domain decide,
// append what it decided, and talk to the payment gateway.
//
// Every activity is one step of a saga and may be called again at any time, by a retry, by another
// worker after a crash, or late, after its caller gave up on it. It is idempotent by the workflow id
// and the step: event ids are derived from both, the domain answers a command that was already
// carried out with no events, and the gateway gets the same idempotency key each time.
//
// A refusal by the domain comes back as a non-retryable Temporal application error whose type is the
// domain's error code ([Refusal]); everything else is worth retrying.
package activities
