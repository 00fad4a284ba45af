// Package reference writes the pages of docs/reference that follow from the code: operations and problems of the API,
// events, and metrics. `go generate` runs it, and a test demands that the pages are fresh.
//
//	text, err := reference.Metrics("../..")
//
// Nothing is said here that is said elsewhere. The pages print the OpenAPI document, the catalog of events with the
// comments of its types, and the help of metrics. The commands print themselves (cmd/orderloom), and so do the settings
// (internal/config).
package reference

//go:generate go run ./generate ../.. ../../docs/reference
