package pgserver

import (
	"sync"
	"time"
)

type logFunc func(format string, args ...any)

// tickInterval is how long something may take in silence.
const tickInterval = 2 * time.Second

// tick says every two seconds what goes on and for how long already, until the returned function is
// called. What takes less than that stays silent.
func tick(log logFunc, what string) (done func()) {
	begun, stop := time.Now(), make(chan struct{})
	var gone sync.WaitGroup
	gone.Go(func() {
		ticker := time.NewTicker(tickInterval)
		defer ticker.Stop()
		for {
			select {
			case <-stop:
				return
			case <-ticker.C:
				log("%s … %d s", what, int(time.Since(begun).Seconds()))
			}
		}
	})
	return func() {
		close(stop)
		gone.Wait()
	}
}
