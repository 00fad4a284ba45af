// Package s3 has those calls of Amazon's S3 that Temporal's server makes. Each fails.
package s3

import (
	"context"
	"io"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// Options are those of a client.
type Options struct {
	BaseEndpoint *string
	UsePathStyle bool
}

// Client would speak to the service.
type Client struct{}

// NewFromConfig returns a client that fails.
func NewFromConfig(aws.Config, ...func(*Options)) *Client { return &Client{} }

// HeadBucketInput names a bucket.
type HeadBucketInput struct{ Bucket *string }

// HeadBucketOutput would describe it.
type HeadBucketOutput struct{}

// HeadBucket returns aws.ErrLeftOut.
func (*Client) HeadBucket(context.Context, *HeadBucketInput, ...func(*Options)) (*HeadBucketOutput, error) {
	return nil, aws.ErrLeftOut
}

// HeadObjectInput names an object.
type HeadObjectInput struct{ Bucket, Key *string }

// HeadObjectOutput would describe it.
type HeadObjectOutput struct{}

// HeadObject returns aws.ErrLeftOut.
func (*Client) HeadObject(context.Context, *HeadObjectInput, ...func(*Options)) (*HeadObjectOutput, error) {
	return nil, aws.ErrLeftOut
}

// PutObjectInput is an object.
type PutObjectInput struct {
	Bucket, Key *string
	Body        io.Reader
}

// PutObjectOutput would describe it.
type PutObjectOutput struct{}

// PutObject returns aws.ErrLeftOut.
func (*Client) PutObject(context.Context, *PutObjectInput, ...func(*Options)) (*PutObjectOutput, error) {
	return nil, aws.ErrLeftOut
}

// GetObjectInput names an object.
type GetObjectInput struct{ Bucket, Key *string }

// GetObjectOutput would have its content.
type GetObjectOutput struct{ Body io.ReadCloser }

// GetObject returns aws.ErrLeftOut.
func (*Client) GetObject(context.Context, *GetObjectInput, ...func(*Options)) (*GetObjectOutput, error) {
	return nil, aws.ErrLeftOut
}

// ListObjectsV2Input selects objects.
type ListObjectsV2Input struct {
	Bucket, Prefix, Delimiter, ContinuationToken *string
	MaxKeys                                      *int32
}

// ListObjectsV2Output would list them.
type ListObjectsV2Output struct {
	CommonPrefixes        []types.CommonPrefix
	Contents              []types.Object
	IsTruncated           *bool
	NextContinuationToken *string
}

// ListObjectsV2 returns aws.ErrLeftOut.
func (*Client) ListObjectsV2(context.Context, *ListObjectsV2Input, ...func(*Options)) (*ListObjectsV2Output, error) {
	return nil, aws.ErrLeftOut
}
