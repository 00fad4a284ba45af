// Package lib has the codes of SQLite's errors that Temporal's server compares with.
package lib

// As in SQLite's documents.
const (
	SQLITE_CONSTRAINT            = 19
	SQLITE_CONSTRAINT_PRIMARYKEY = 1555
	SQLITE_CONSTRAINT_UNIQUE     = 2067
)
