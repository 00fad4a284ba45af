// Package aws has the types in which Temporal's server speaks to Amazon's services. None can be reached.
package aws

import (
	"context"
	"errors"
)

// ErrLeftOut is the error of everything that would reach a service.
var ErrLeftOut = errors.New("github.com/aws/aws-sdk-go-v2 is left out of the development build (dev/lean)")

// Config would say how services are reached.
type Config struct{ Credentials CredentialsProvider }

// ClientLogMode says what a client logs.
type ClientLogMode uint64

// Credentials would sign requests.
type Credentials struct{}

// CredentialsProvider returns credentials.
type CredentialsProvider interface {
	Retrieve(ctx context.Context) (Credentials, error)
}

// Retryer says which errors pass by themselves.
type Retryer interface {
	IsErrorRetryable(err error) bool
}

// String returns a pointer to a copy.
func String(value string) *string { return &value }

// Int32 returns a pointer to a copy.
func Int32(value int32) *int32 { return &value }
