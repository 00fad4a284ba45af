// Package v4 would sign requests to Amazon's services.
package v4

import (
	"context"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// Signer would sign requests.
type Signer struct{}

// NewSigner returns one that fails.
func NewSigner() *Signer { return &Signer{} }

// SignHTTP returns aws.ErrLeftOut.
func (*Signer) SignHTTP(
	_ context.Context, _ aws.Credentials, _ *http.Request, _, _, _ string, _ time.Time,
) error {
	return aws.ErrLeftOut
}
