// Package sqlite registers a driver "sqlite" that opens no database: the embedded Temporal server uses PostgreSQL.
package sqlite

import (
	"database/sql"
	"database/sql/driver"
	"errors"
)

// ErrLeftOut is the error of every connection.
var ErrLeftOut = errors.New("modernc.org/sqlite is left out of the development build (dev/lean)")

func init() { sql.Register("sqlite", refusing{}) }

type refusing struct{}

// Open returns ErrLeftOut.
func (refusing) Open(string) (driver.Conn, error) { return nil, ErrLeftOut }

// Error is an error of SQLite. Nothing returns one.
type Error struct{}

func (*Error) Error() string { return ErrLeftOut.Error() }

// Code is the error's number in SQLite's documents; 1 is its general one.
func (*Error) Code() int { return 1 }
