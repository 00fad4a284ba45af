// Package smithy has the error of Amazon's services that Temporal's server looks for.
package smithy

// APIError is an error with a code.
type APIError interface {
	error
	ErrorCode() string
}
