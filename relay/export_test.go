package relay

import "time"

// Rest sets when the relay rests, and how often it looks for itself then.
func (r *Relay) Rest(after, beat time.Duration) { r.restAfter, r.restBeat = after, beat }
