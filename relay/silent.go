package relay

import (
	"context"
	"time"

	"github.com/orderloom/orderloom/internal/advisory"
)

const (
	// SilentMax is how long the session of a leader may say nothing. Its process is frozen then, or cut off. PostgreSQL
	// would keep the lock for it, since its machine still answers for the connection.
	SilentMax = 10 * time.Second
	// heartbeat is how often a leader says something while it waits for the store or for Kafka.
	heartbeat = time.Second
	// lookForSilence is how often a follower looks.
	lookForSilence = 2 * time.Second
)

// endSilentLeader ends the session of a leader that is silent, so that another relay can lead. What the leader does
// when it goes on is harmless: its epoch is over, and it can only repeat what was published.
func (r *Relay) endSilentLeader(ctx context.Context) error {
	if time.Since(r.lookedForSilence) < lookForSilence {
		return nil
	}
	r.lookedForSilence = time.Now()
	ctx, cancel := context.WithTimeout(ctx, electionTimeout)
	defer cancel()
	ended, err := advisory.EndSilent(ctx, r.opts.Pool, advisory.RelayLeader, r.opts.Name, SilentMax)
	if err != nil || !ended {
		return err
	}
	r.metrics.takeovers.Inc()
	r.log.WarnContext(ctx, "the leading relay is silent: its session was ended, and another relay leads", "silent_for_more_than", SilentMax)
	return nil
}

// whileBeating does something that may take long, and lets the session with the lock say meanwhile that its process
// lives. Nothing else may use the session then.
func (t *term) whileBeating(ctx context.Context, do func()) {
	done, silent := make(chan struct{}), make(chan struct{})
	beats := time.AfterFunc(heartbeat, func() {
		defer close(silent)
		t.beatUntil(ctx, done)
	})
	do()
	close(done)
	if !beats.Stop() {
		<-silent
	}
}

func (t *term) beatUntil(ctx context.Context, done <-chan struct{}) {
	for {
		ask, cancel := context.WithTimeout(ctx, electionTimeout)
		_, err := t.conn.Exec(ask, `SELECT 1`)
		cancel()
		if err != nil {
			return // the next beat of the leader tells why
		}
		select {
		case <-done:
			return
		case <-ctx.Done():
			return
		case <-time.After(heartbeat):
		}
	}
}
