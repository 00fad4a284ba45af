// Package option has those options of a client of Google's services that Temporal's server names.
package option

// WithTokenSource returns its argument: no client can be had that would use it.
func WithTokenSource(source any) any { return source }
