// Package credentials would keep credentials for Amazon's services.
package credentials

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// StaticCredentialsProvider would return what it was made of.
type StaticCredentialsProvider struct{}

// NewStaticCredentialsProvider returns one that fails.
func NewStaticCredentialsProvider(_, _, _ string) StaticCredentialsProvider {
	return StaticCredentialsProvider{}
}

// Retrieve returns aws.ErrLeftOut.
func (StaticCredentialsProvider) Retrieve(context.Context) (aws.Credentials, error) {
	return aws.Credentials{}, aws.ErrLeftOut
}
