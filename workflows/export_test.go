package workflows

import "time"

// SetLocalAttemptTimeout shortens the local attempts, before any test runs.
func SetLocalAttemptTimeout(d time.Duration) { localAttemptTimeout = d }
