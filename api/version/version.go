// Package version knows the dated versions of the API, and brings requests and answers from one to the next.
//
// The program speaks the newest version alone. A request of an older one is brought forward before anything looks at
// it, change by change. Its answer is brought back the same way before it leaves. What would break a caller is written
// down once, as a [Change] between two neighbours. Nothing else in the program knows of it.
//
//	versions := version.New("2026-11-27", version.Change{
//		To:    "2027-03-01",
//		About: "An order names its customer in customer.",
//		Bodies: map[string]func(map[string]any){
//			"POST /api/v1/orders": func(order map[string]any) { version.Rename(order, "customer_id", "customer") },
//		},
//		Answers: map[string]func(map[string]any){
//			"Order": func(order map[string]any) { version.Rename(order, "customer", "customer_id") },
//		},
//	})
//
// A change that breaks nobody needs no version: a new member of an answer, a new parameter, a new operation.
package version

import (
	"net/url"
	"slices"
	"time"
)

// Header names the version in requests and answers.
const Header = "Orderloom-Version"

// Version is the day from which it was the newest, such as 2026-11-27.
type Version string

// Change is what differs between a version and the one before it. Its functions change what they are given. They leave
// alone what is not as they expect, because nothing has checked a request yet.
type Change struct {
	// To is the newer of the two.
	To Version
	// About says for people what has changed.
	About string
	// Queries and Bodies bring requests of the version before forward, by their operation, such as
	// "POST /api/v1/orders".
	Queries map[string]func(url.Values)
	Bodies  map[string]func(map[string]any)
	// Answers bring what is shown back to the version before, by the name of its schema in the document, such as
	// "Order". What lies within is in the version already that the caller wants. Numbers are of type [json.Number].
	Answers map[string]func(map[string]any)
}

// History is all versions. It does not change.
type History struct {
	first   Version
	changes []Change // the oldest first
}

// New returns the versions from the first on. It panics when they don't follow each other, which is a mistake of the
// program.
func New(first Version, changes ...Change) *History {
	var before Version
	for _, v := range append([]Version{first}, versionsOf(changes)...) {
		if _, err := time.Parse(time.DateOnly, string(v)); err != nil || v <= before {
			panic("version: " + string(v) + " is no day after " + string(before))
		}
		before = v
	}
	return &History{first: first, changes: changes}
}

func versionsOf(changes []Change) []Version {
	list := make([]Version, len(changes))
	for i, c := range changes {
		list[i] = c.To
	}
	return list
}

// Known lists the versions, the newest first.
func (h *History) Known() []Version {
	list := append([]Version{h.first}, versionsOf(h.changes)...)
	slices.Reverse(list)
	return list
}

// Newest is the version that the program speaks.
func (h *History) Newest() Version { return h.Known()[0] }

// Knows reports whether there is such a version.
func (h *History) Knows(v Version) bool { return slices.Contains(h.Known(), v) }

// after are the changes that a version lacks, the oldest first.
func (h *History) after(v Version) []Change {
	for i, c := range h.changes {
		if c.To > v {
			return h.changes[i:]
		}
	}
	return nil
}

// Query brings the parameters of a request forward.
func (h *History) Query(from Version, operation string, query url.Values) {
	for _, c := range h.after(from) {
		if change, ok := c.Queries[operation]; ok {
			change(query)
		}
	}
}

// ChangesBody reports whether bodies of an operation differ from those of the newest version.
func (h *History) ChangesBody(from Version, operation string) bool {
	return slices.ContainsFunc(h.after(from), func(c Change) bool { return c.Bodies[operation] != nil })
}

// Body brings the body of a request forward.
func (h *History) Body(from Version, operation string, body map[string]any) {
	for _, c := range h.after(from) {
		if change, ok := c.Bodies[operation]; ok {
			change(body)
		}
	}
}

// ChangesAnswers reports whether anything is shown otherwise than in the newest version.
func (h *History) ChangesAnswers(to Version) bool {
	return slices.ContainsFunc(h.after(to), func(c Change) bool { return len(c.Answers) > 0 })
}

// Answer brings a thing of a schema back.
func (h *History) Answer(to Version, schema string, object map[string]any) {
	for _, c := range slices.Backward(h.after(to)) {
		if change, ok := c.Answers[schema]; ok {
			change(object)
		}
	}
}

// Rename gives a member of an object another name, where it is there and the new name is free.
func Rename(object map[string]any, from, to string) {
	value, there := object[from]
	if _, taken := object[to]; there && !taken {
		object[to] = value
		delete(object, from)
	}
}
