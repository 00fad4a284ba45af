package relay

import (
	"context"
	"flag"
	"fmt"
	"io"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/orderloom/orderloom/domain"
)

// Usage describes the commands, one line each.
const Usage = `relay status                                   how far the relay is, and who leads
relay rewind -to <sequence>                    publish again from there; consumers skip what they know
`

// CommandStore is what the commands need of the event store.
type CommandStore interface {
	Identifier
	BacklogCounter
}

// Command runs one of the operators' commands: args are those behind "relay". Errors: usage when the arguments
// make no sense; not_found.
func Command(ctx context.Context, args []string, pool *pgxpool.Pool, store CommandStore, out io.Writer) error {
	f := flag.NewFlagSet("relay", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	to := f.Int64("to", -1, "")
	if len(args) == 0 || f.Parse(args[1:]) != nil || f.NArg() > 0 {
		return usage()
	}
	switch {
	case args[0] == "status" && *to < 0:
		return status(ctx, pool, store, out)
	case args[0] == "rewind" && *to >= 0:
		if err := Rewind(ctx, pool, store, Name, *to); err != nil {
			return err
		}
		_, err := fmt.Fprintf(out, "The relay goes on after sequence %d.\n", *to)
		return err
	}
	return usage()
}

// codeUsage refuses a command whose arguments make no sense.
const codeUsage domain.ErrorCode = "usage"

func usage() error { return domain.Refuse(codeUsage, "usage:\n%s", Usage) }

func status(ctx context.Context, pool *pgxpool.Pool, store CommandStore, out io.Writer) error {
	all, err := Statuses(ctx, pool, store)
	if err != nil {
		return err
	}
	for _, s := range all {
		_, _ = fmt.Fprintf(out, "%s: published up to sequence %d, %d events behind; led by %s in epoch %d; moved last at %s\n",
			s.Name, s.Position, s.Behind, s.Leader, s.Epoch, s.MovedAt.Format(time.RFC3339))
	}
	return nil
}
