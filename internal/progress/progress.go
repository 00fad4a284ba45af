// Package progress tells people what a program waits for, once that takes longer than they would
// expect: "starting PostgreSQL … 4 s".
package progress

import (
	"sync"
	"time"
)

// Log writes a line for people.
type Log func(format string, args ...any)

// Silent says nothing.
func Silent(string, ...any) {}

// Interval is how long something may take in silence.
const Interval = 2 * time.Second

// Tick says at every [Interval] what goes on and for how long already, until done is called.
//
//	defer progress.Tick(log, "starting PostgreSQL")()
func Tick(log Log, what string) (done func()) {
	return TickWith(log, func() string { return what })
}

// TickWith is [Tick] for what is told anew each time, such as with how many are done. What is called from another
// goroutine.
func TickWith(log Log, what func() string) (done func()) { return TickEvery(Interval, log, what) }

// TickEvery is [TickWith] at another interval.
func TickEvery(interval time.Duration, log Log, what func() string) (done func()) {
	begun, stop := time.Now(), make(chan struct{})
	var gone sync.WaitGroup
	gone.Go(func() {
		ticker := time.NewTicker(interval)
		defer ticker.Stop()
		for {
			select {
			case <-stop:
				return
			case <-ticker.C:
				log("%s … %d s", what(), int(time.Since(begun).Seconds()))
			}
		}
	})
	return func() {
		close(stop)
		gone.Wait()
	}
}
