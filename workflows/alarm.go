package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"
)

// alarm is one timer for whatever comes first. A timer is written to the history, so one that rings too early is kept.
type alarm struct {
	at     time.Time
	timer  workflow.Future
	cancel workflow.CancelFunc
}

// set lets the alarm ring at a time or before; never for the zero time.
func (a *alarm) set(ctx workflow.Context, at time.Time) {
	switch {
	case at.IsZero():
		a.stop()
		return
	case a.timer != nil && !a.timer.IsReady() && !a.tooLate(at):
		return
	}
	a.stop()
	ctx, a.cancel = workflow.WithCancel(ctx)
	a.at = at
	wait := max(at.Sub(now(ctx)), time.Millisecond)
	a.timer = workflow.NewTimerWithOptions(ctx, wait, workflow.TimerOptions{Summary: "deadline of the order"})
}

// stop ends the timer.
func (a *alarm) stop() {
	if a.cancel != nil {
		a.cancel()
	}
	*a = alarm{}
}

// due reports whether a time has come, or the alarm has rung for it. The zero time never comes.
func (a *alarm) due(ctx workflow.Context, at time.Time) bool {
	rang := a.timer != nil && a.timer.IsReady() && !at.After(a.at)
	return !at.IsZero() && (rang || !now(ctx).Before(at))
}

// rang reports whether the timer has ended, so that another one is needed.
func (a *alarm) rang() bool { return a.timer != nil && a.timer.IsReady() }

// tooLate reports whether the alarm rings after a time.
func (a *alarm) tooLate(at time.Time) bool { return !at.IsZero() && (a.timer == nil || a.at.After(at)) }

// earliest returns the earliest of the times that are not zero.
func earliest(times ...time.Time) (first time.Time) {
	for _, t := range times {
		if !t.IsZero() && (first.IsZero() || t.Before(first)) {
			first = t
		}
	}
	return first
}
