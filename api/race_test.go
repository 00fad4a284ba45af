//go:build race

package api

// The race detector allocates as well.
func init() { countAllocations = false }
