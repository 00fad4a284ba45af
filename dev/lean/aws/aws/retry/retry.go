// Package retry says which errors of Amazon's services pass by themselves.
package retry

// Standard is the ordinary rule.
type Standard struct{}

// NewStandard returns it.
func NewStandard() *Standard { return &Standard{} }

// IsErrorRetryable returns false: a library that is left out stays left out.
func (*Standard) IsErrorRetryable(error) bool { return false }
