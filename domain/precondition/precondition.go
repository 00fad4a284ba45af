// Package precondition says in which state a request wants an order to be: one that its caller has seen.
//
// A state is the version of the order and the version of its payment. The precondition travels with the request, as
// who asks does, to the decision that changes the order.
//
//	ctx = precondition.With(ctx, precondition.Of(precondition.State{Order: 4, Payment: 2}))
package precondition

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/orderloom/orderloom/domain"
)

// CodeFailed refuses a request whose order is not as its caller has seen it.
const CodeFailed domain.ErrorCode = "precondition_failed"

// State is how far an order and its payment have come, in events.
type State struct{ Order, Payment int64 }

func (s State) String() string { return fmt.Sprintf("o%d.p%d", s.Order, s.Payment) }

// Precondition is the states of which a request wants one, as a text; empty for a request that wants none.
type Precondition string

// never is the precondition that no order fulfils.
const never Precondition = "never"

// Of returns the precondition of being in one of the states. Without any, nothing fulfils it.
func Of(states ...State) Precondition {
	if len(states) == 0 {
		return never
	}
	words := make([]string, len(states))
	for i, s := range states {
		words[i] = s.String()
	}
	return Precondition(strings.Join(words, ","))
}

// Check refuses a state that is not wanted. Error: precondition_failed.
func (p Precondition) Check(s State) error {
	if p == "" || slices.Contains(strings.Split(string(p), ","), s.String()) {
		return nil
	}
	return domain.Refuse(CodeFailed, "the order is in another state than the request wants: %s", s)
}

type key struct{}

// With returns ctx for a request with a precondition.
func With(ctx context.Context, p Precondition) context.Context {
	if p == "" && From(ctx) == "" {
		return ctx
	}
	return context.WithValue(ctx, key{}, p)
}

// From returns the precondition of the request that ctx works on.
func From(ctx context.Context) Precondition {
	p, _ := ctx.Value(key{}).(Precondition)
	return p
}
