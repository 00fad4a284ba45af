// Package storage has the types in which Temporal's server speaks to Google's Cloud Storage. No client can be had.
package storage

import (
	"context"
	"errors"
)

// ErrLeftOut is the error of every function.
var ErrLeftOut = errors.New("cloud.google.com/go/storage is left out of the development build (dev/lean)")

// ScopeFullControl is the right that the archiver asks for.
const ScopeFullControl = "https://www.googleapis.com/auth/devstorage.full_control"

// Client would speak to the service.
type Client struct{}

// NewClient returns ErrLeftOut, whatever its options are.
func NewClient(context.Context, ...any) (*Client, error) { return nil, ErrLeftOut }

// Bucket returns a handle whose methods fail.
func (*Client) Bucket(string) *BucketHandle { return &BucketHandle{} }

// BucketHandle is a bucket.
type BucketHandle struct{}

// Attrs returns ErrLeftOut.
func (*BucketHandle) Attrs(context.Context) (*BucketAttrs, error) { return nil, ErrLeftOut }

// Object returns a handle whose methods fail.
func (*BucketHandle) Object(string) *ObjectHandle { return &ObjectHandle{} }

// Objects returns an iterator that fails.
func (*BucketHandle) Objects(context.Context, *Query) *ObjectIterator { return &ObjectIterator{} }

// BucketAttrs would describe a bucket.
type BucketAttrs struct{}

// Query selects objects.
type Query struct{ Prefix string }

// ObjectIterator would list objects.
type ObjectIterator struct{}

// Next returns ErrLeftOut.
func (*ObjectIterator) Next() (*ObjectAttrs, error) { return nil, ErrLeftOut }

// ObjectAttrs describes an object.
type ObjectAttrs struct{ Name string }

// ObjectHandle is an object.
type ObjectHandle struct{}

// Attrs returns ErrLeftOut.
func (*ObjectHandle) Attrs(context.Context) (*ObjectAttrs, error) { return nil, ErrLeftOut }

// NewReader returns ErrLeftOut.
func (*ObjectHandle) NewReader(context.Context) (*Reader, error) { return nil, ErrLeftOut }

// NewWriter returns a writer that fails.
func (*ObjectHandle) NewWriter(context.Context) *Writer { return &Writer{} }

// Reader would read an object.
type Reader struct{}

// Read returns ErrLeftOut.
func (*Reader) Read([]byte) (int, error) { return 0, ErrLeftOut }

// Close returns ErrLeftOut.
func (*Reader) Close() error { return ErrLeftOut }

// Writer would write an object.
type Writer struct{}

// Write returns ErrLeftOut.
func (*Writer) Write([]byte) (int, error) { return 0, ErrLeftOut }

// Close returns ErrLeftOut.
func (*Writer) Close() error { return ErrLeftOut }

// CloseWithError returns ErrLeftOut.
func (*Writer) CloseWithError(error) error { return ErrLeftOut }
