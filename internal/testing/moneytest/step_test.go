package moneytest_test

import (
	"context"
	"errors"
	"net/http"
	"sync"

	"go.temporal.io/sdk/interceptor"
)

// steps are the steps of an execution that run. A step goes on after its deadline until it notices, and after the end
// of its execution. So time goes on only once none runs: in life a step has seconds, and here days pass in a moment.
type steps struct {
	mu      sync.Mutex
	changed sync.Cond
	running int
	over    bool
	// late are those whose deadline has come before the gateway's answer, in the order in which they asked.
	late []*lateStep
}

// begin reports whether a step may begin.
func (s *steps) begin() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.over {
		s.running++
	}
	return !s.over
}

func (s *steps) done() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running--
	s.changed.Broadcast()
}

// end lets no more steps begin, and waits for those that run.
func (s *steps) end() {
	s.mu.Lock()
	s.over = true
	s.mu.Unlock()
	s.letLateGoOn()
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.running > 0 {
		s.changed.Wait()
	}
}

// lateStep is an attempt at a step that goes on after its deadline.
type lateStep struct {
	// asked is closed when the gateway has done what it was asked for, and goOn when the answer comes.
	asked, goOn, ended chan struct{}
	once               sync.Once
}

type lateKey struct{}

// errSlow is the deadline of a step.
var errSlow = errors.New("the step's deadline has come")

// execute carries out a step. The answer of one that is late comes after its deadline, once its next attempt or any
// other step of the execution has ended. It records what it would have recorded then.
func (m *mortal) execute(ctx context.Context, in *interceptor.ExecuteActivityInput, late bool) (any, error) {
	if !late {
		defer m.x.steps.letLateGoOn()
		return m.Next.ExecuteActivity(ctx, in)
	}
	step := &lateStep{asked: make(chan struct{}), goOn: make(chan struct{}), ended: make(chan struct{})}
	var out any
	var err error
	go func() {
		defer close(step.ended)
		defer func() {
			if r := recover(); r != nil && r != errDied { //nolint:errorlint // it is a value
				m.x.l.fault("a late step panics: %v", r)
			} else if r != nil {
				err = errDied
			}
		}()
		// What it has begun at the database is carried out, whatever has become of its context.
		out, err = m.Next.ExecuteActivity(context.WithValue(context.WithoutCancel(ctx), lateKey{}, step), in)
	}()
	select {
	case <-step.ended:
		return out, err
	case <-step.asked:
		m.x.steps.mu.Lock()
		defer m.x.steps.mu.Unlock()
		m.x.steps.late = append(m.x.steps.late, step)
		return nil, errSlow
	}
}

// letLateGoOn lets the answers come that are late, one after the other.
func (s *steps) letLateGoOn() {
	s.mu.Lock()
	all := s.late
	s.late = nil
	s.mu.Unlock()
	for _, step := range all {
		close(step.goOn)
		<-step.ended
	}
}

// isLate reports whether a call is of a step whose deadline has come.
func isLate(r *http.Request) bool {
	_, late := r.Context().Value(lateKey{}).(*lateStep)
	return late
}

// holdBack holds the answer to a call of a late step back.
func holdBack(r *http.Request) {
	if step, late := r.Context().Value(lateKey{}).(*lateStep); late && r.Method == http.MethodPost {
		step.once.Do(func() {
			close(step.asked)
			<-step.goOn
		})
	}
}
