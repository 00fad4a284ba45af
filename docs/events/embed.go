// Package events holds the JSON Schema (draft 2020-12) of every published version of every event, named
// <EventType>.v<version>.json. They are the contract with whoever reads the topics.
//
// The files are made from the Go types by
//
//	go generate ./docs/events
//
// which only ever adds files: a published one is never changed. A changed event gets a new version and an
// upcaster in domain/catalog, and with it a new file.
package events

import "embed"

//go:generate go run ../../internal/eventschema/generate .

// FS holds the schemas.
//
//go:embed *.json
var FS embed.FS
