package relay

import (
	"context"
	"flag"
	"fmt"
	"io"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/orderloom/orderloom/domain"
)

// Usage describes the commands, one line each.
const Usage = `relay status                                   how far the relay is, and who leads
relay rewind -to <sequence>                    publish again from there; consumers skip what they know
`

// Command runs one of the operators' commands: args are those behind "relay". Errors: usage when the arguments
// make no sense; not_found.
func Command(ctx context.Context, args []string, pool *pgxpool.Pool, out io.Writer) error {
	f := flag.NewFlagSet("relay", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	to := f.Int64("to", -1, "")
	if len(args) == 0 || f.Parse(args[1:]) != nil || f.NArg() > 0 {
		return usage()
	}
	switch {
	case args[0] == "status" && *to < 0:
		return status(ctx, pool, out)
	case args[0] == "rewind" && *to >= 0:
		if err := Rewind(ctx, pool, Name, *to); err != nil {
			return err
		}
		_, err := fmt.Fprintf(out, "The relay goes on after sequence %d.\n", *to)
		return err
	}
	return usage()
}

func usage() error { return domain.Refuse("usage", "usage:\n%s", Usage) }

func status(ctx context.Context, pool *pgxpool.Pool, out io.Writer) error {
	rows, err := pool.Query(ctx, `SELECT name, position, epoch, leader, updated_at::text,
		(SELECT count(*) FROM (SELECT FROM orderloom.events e WHERE e.sequence > c.position LIMIT 100000) b) FROM orderloom.relay_cursors c ORDER BY name`)
	if err != nil {
		return fmt.Errorf("status of the relay: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var name, leader, updated string
		var position, epoch, behind int64
		if err := rows.Scan(&name, &position, &epoch, &leader, &updated, &behind); err != nil {
			return fmt.Errorf("status of the relay: %w", err)
		}
		_, _ = fmt.Fprintf(out, "%s: published up to sequence %d, %d events behind; led by %s in epoch %d; moved last at %s\n",
			name, position, behind, leader, epoch, updated)
	}
	return rows.Err()
}
