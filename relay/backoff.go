package relay

import "time"

// firstWait is how long the first wait after a failure takes.
const firstWait = 50 * time.Millisecond
