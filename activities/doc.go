// Package activities is what the sagas do to the world. An activity loads an aggregate, lets the domain decide,
// appends what it decided, and talks to the payment gateway.
//
// Every activity is one step of a saga and may be called again at any time. A retry may call it, another worker after
// a crash, or a late attempt whose caller gave up. It is idempotent by the workflow id and the step, from which the
// ids of its events are derived. The domain answers a command that was carried out before with no events. The gateway
// gets the same idempotency key each time.
//
// A refusal by the domain comes back as a non-retryable application error whose type is the domain's error code
// ([Refusal]). Everything else is worth retrying.
package activities
