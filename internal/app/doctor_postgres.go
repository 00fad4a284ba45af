package app

import (
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/orderloom/orderloom/internal/doctor"
)

// diskFull is the SQLSTATE of a server that has no room to write.
const diskFull = "53100"

const (
	endsReadOnly = "ALTER SYSTEM RESET default_transaction_read_only; SELECT pg_reload_conf(); or look who set that for the database or the role"
	makesRoom    = "make room on the disk of PostgreSQL; what waits goes on by itself"
	namesCaller  = "put the right role and password into DATABASE_URL, and look at pg_hba.conf"
)

// postgresRemedies are what mends an answer of PostgreSQL, by its SQLSTATE.
var postgresRemedies = map[string]string{
	"25006":  endsReadOnly,
	diskFull: makesRoom,
	"28000":  namesCaller,
	"28P01":  namesCaller,
	"3D000":  "make the database, or let DATABASE_URL name the right one",
	"53300":  "raise max_connections or the limit of the role, run fewer processes, or lower ORDERLOOM_DATABASE_CONNECTIONS_MAX",
	"57P03":  "wait until PostgreSQL has started, and look at its log",
}

// notAllowed is the SQLSTATE of what the role has no right to.
const notAllowed = "42501"

// lookAtPostgres is what to do about an answer that nobody knows better.
const lookAtPostgres = "look at PostgreSQL, and at DATABASE_URL"

// explainPostgres makes a fault of an answer of PostgreSQL whose remedy is known. Other errors stay as they are.
func (p *patient) explainPostgres(err error) error {
	var answer *pgconn.PgError
	if !errors.As(err, &answer) {
		return err
	}
	connecting := errors.As(err, new(*pgconn.ConnectError))
	remedy := postgresRemedies[answer.Code]
	if answer.Code == notAllowed {
		remedy = p.grants(connecting)
	}
	if remedy == "" {
		return err
	}
	if connecting { // the error has attempts besides, such as one over TLS
		return doctor.Fault{What: "it takes no connection: " + answer.Error(), Remedy: remedy}
	}
	return doctor.Fault{What: err.Error(), Remedy: remedy}
}

// grants is what gives the role of DATABASE_URL its rights.
func (p *patient) grants(connecting bool) string {
	c := p.pool.Config().ConnConfig
	if connecting {
		return fmt.Sprintf("as the owner of the database, in psql: GRANT CONNECT ON DATABASE %q TO %q;", c.Database, c.User)
	}
	return givesRights(c.User)
}

// givesRights is what gives a role what the processes need.
func givesRights(role string) string {
	return fmt.Sprintf("as the owner of the schema, with ORDERLOOM_DATABASE_RUNTIME_ROLE=%s: \"orderloom migrate\"", role)
}
