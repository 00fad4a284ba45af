// Package drain makes contexts for work that goes on for a while after its caller has left.
package drain

import (
	"context"
	"time"
)

// Outlive returns a context for work that is begun under ctx and may finish: it ends d after ctx has. Cancel it once
// the work is done.
func Outlive(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		t := time.AfterFunc(d, cancel)
		context.AfterFunc(work, func() { t.Stop() })
	})
	return work, func() { stop(); cancel() }
}

// Timeout returns a context for what has to be done whether ctx has ended or not, such as giving something back. It
// ends d from now. Cancel it once that is done.
func Timeout(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), d)
}
