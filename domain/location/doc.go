// Package location decides what all stock has in common: where goods may lie, and which SKUs orders wait for.
//
// One aggregate, the [Network], has all of it. Every decision about stock looks at it. So a location that was
// deactivated takes no reservation in any process, and goods that an older order waits for go to no other.
//
// A location is added, changed, deactivated and activated again. It is never removed: goods may still lie there, and
// what was reserved there goes on.
package location
