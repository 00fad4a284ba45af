package workflows

import "time"

// SetLocalAttemptTimeout shortens the local attempts, before any test runs.
func SetLocalAttemptTimeout(d time.Duration) { localAttemptTimeout = d }

// SetRequestsMax lets a run take in so many requests before it continues as new, before any test runs.
func SetRequestsMax(n int) { requestsMax = n }

// AnswerTo is the answer of a saga to whoever asked for what was refused.
func AnswerTo(state OrderState, err error) error { return answerTo(state, err) }
