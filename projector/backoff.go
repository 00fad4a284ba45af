package projector

import "time"

// firstWait is how long the first wait after a failure takes.
const firstWait = 20 * time.Millisecond
