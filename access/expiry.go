package access

import "time"

// NextExpiry is when the key ends that ends first; zero where none has an end. The end of a secret that was replaced by
// another one of its key is no end of the key.
func (k *Keys) NextExpiry() (first time.Time) {
	ends := map[string]time.Time{}
	lasts := func(e *entry) {
		until, known := ends[e.caller.ID]
		if !known || !until.IsZero() && (e.until.IsZero() || e.until.After(until)) {
			ends[e.caller.ID] = e.until
		}
	}
	known := k.known.Load()
	for _, e := range known.keys {
		lasts(e)
	}
	for _, s := range known.signers {
		lasts(&s.entry)
	}
	for _, until := range ends {
		if until.After(k.now()) && (first.IsZero() || until.Before(first)) {
			first = until
		}
	}
	return first
}
