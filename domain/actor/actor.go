// Package actor says on whose behalf something happens, in a word that events keep.
//
// An actor is "<role>/<id>", such as "storefront/8a6e0804-2bd0-4672-b79d-d97027f9071a". The id is that of a key, a
// customer's, or stands for a person without telling who it is. It is never a text that the caller chose.
//
//	ctx = actor.With(ctx, "support/8a6e0804-2bd0-4672-b79d-d97027f9071a")
package actor

import (
	"context"
	"strings"
)

// Actor is who did something; empty for the platform itself.
type Actor string

// Of returns the actor of a role and an id.
func Of(role, id string) Actor { return Actor(role + "/" + id) }

// Role is what the actor was to the shop.
func (a Actor) Role() string {
	role, _, _ := strings.Cut(string(a), "/")
	return role
}

// ID tells actors of a role apart.
func (a Actor) ID() string {
	_, id, _ := strings.Cut(string(a), "/")
	return id
}

type key struct{}

// With returns ctx for work on behalf of a.
func With(ctx context.Context, a Actor) context.Context {
	if a == "" && From(ctx) == "" {
		return ctx
	}
	return context.WithValue(ctx, key{}, a)
}

// From returns on whose behalf ctx works.
func From(ctx context.Context) Actor {
	a, _ := ctx.Value(key{}).(Actor)
	return a
}
