// Package types has parts of S3's answers.
package types

// CommonPrefix is the beginning of some objects' keys.
type CommonPrefix struct{ Prefix *string }

// Object is an object of a list.
type Object struct{ Key *string }

// NoSuchBucket says that a bucket is missing. Nothing returns one.
type NoSuchBucket struct{}

func (*NoSuchBucket) Error() string { return "NoSuchBucket" }

// NoSuchKey says that an object is missing. Nothing returns one.
type NoSuchKey struct{}

func (*NoSuchKey) Error() string { return "NoSuchKey" }
