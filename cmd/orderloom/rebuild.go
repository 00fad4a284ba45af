package projector

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/broker"
	"github.com/orderloom/orderloom/domain"
)

// ErrDifferent is returned by [Command] when "verify" has found a difference.
var ErrDifferent = errors.New("the views or Kafka differ from the event store")

// CommandDeps says what the commands work with.
type CommandDeps struct {
	Mender *Mender
	Store  interface {
		GlobalSource
		StreamLister
	}
	// Broker is where "verify" looks for the events; without Brokers it leaves that out.
	Broker broker.Config
	Out    io.Writer
}

// Usage describes the commands, one line each.
const Usage = `parked list                                    what is parked, oldest first
parked show <projection> <aggregate-id>        the failing event and those that wait behind it
parked retry <projection> <aggregate-id>       try again, such as after a fix
parked discard <projection> <aggregate-id> -reason <why>
                                               leave the failing event out for good, and go on
rebuild [-dry-run] <projection>                fill shadow tables, show the differences, swap
rebuild -drop-old <projection>                 drop the tables that the last rebuild has replaced
rebuild -abandon <projection>                  drop the shadow tables of an unfinished rebuild
verify [-json] [-no-kafka]                     compare views and Kafka with the event store
`

// Command runs one of the operators' commands: args begin with "parked", "rebuild" or "verify". Errors:
// usage when the arguments make no sense; ErrDifferent; what the mender returns.
func Command(ctx context.Context, args []string, d CommandDeps) error {
	if len(args) == 0 {
		return usage()
	}
	switch args[0] {
	case "parked":
		return d.parked(ctx, args[1:])
	case "rebuild":
		return d.rebuild(ctx, args[1:])
	case "verify":
		return d.verify(ctx, args[1:])
	}
	return usage()
}

// codeUsage refuses a command whose arguments make no sense.
const codeUsage domain.ErrorCode = "usage"

func usage() error { return domain.Refuse(codeUsage, "usage:\n%s", Usage) }

// parse reads flags, which may stand before and behind the other arguments.
func parse(f *flag.FlagSet, args []string) ([]string, error) {
	f.SetOutput(io.Discard)
	var rest []string
	for len(args) > 0 {
		if err := f.Parse(args); err != nil {
			return nil, usage()
		}
		if args = f.Args(); len(args) > 0 {
			rest, args = append(rest, args[0]), args[1:]
		}
	}
	return rest, nil
}

// CodeStillParked tells that an event which was tried again has failed again.
const CodeStillParked domain.ErrorCode = "still_parked"

func (d CommandDeps) parked(ctx context.Context, args []string) error {
	f := flag.NewFlagSet("parked", flag.ContinueOnError)
	reason := f.String("reason", "", "")
	limit := f.Int("limit", 100, "")
	args, err := parse(f, args)
	if err != nil {
		return err
	}
	if len(args) == 1 && args[0] == "list" {
		return d.listParked(ctx, *limit)
	}
	if len(args) != 3 {
		return usage()
	}
	id, err := uuid.Parse(args[2])
	if err != nil {
		return domain.Invalid("aggregate-id", "must be a UUID")
	}
	var free bool
	switch args[0] {
	case "show":
		return d.showParked(ctx, args[1], id)
	case "retry":
		free, err = d.Mender.RetryParked(ctx, args[1], id)
	case "discard":
		free, err = d.Mender.DiscardParked(ctx, args[1], id, *reason)
	default:
		return usage()
	}
	if err != nil {
		return err
	}
	if !free {
		return domain.Refuse(CodeStillParked, "an event still fails: see \"parked show %s %s\"", args[1], id)
	}
	_, err = fmt.Fprintln(d.Out, "free again, and up to date")
	return err
}

func (d CommandDeps) listParked(ctx context.Context, limit int) error {
	parked, err := d.Mender.Parked(ctx, limit)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(d.Out, 0, 4, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "PROJECTION\tAGGREGATE\tID\tEVENT\tVERSION\tWAITING\tATTEMPTS\tSINCE\tERROR")
	for _, p := range parked {
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\t%d\t%d\t%s\t%s\n", p.Projection, p.AggregateType, p.AggregateID, p.EventType, p.Version,
			p.LastVersion-p.Version, p.Attempts, time.Since(p.ParkedAt).Round(time.Second), p.Error)
	}
	return w.Flush()
}

func (d CommandDeps) showParked(ctx context.Context, projection string, id uuid.UUID) error {
	p, events, err := d.Mender.ShowParked(ctx, projection, id)
	if err != nil {
		return err
	}
	e := json.NewEncoder(d.Out)
	e.SetIndent("", "  ")
	return e.Encode(map[string]any{"parked": p, "waiting": events})
}

func (d CommandDeps) rebuild(ctx context.Context, args []string) error {
	f := flag.NewFlagSet("rebuild", flag.ContinueOnError)
	dry := f.Bool("dry-run", false, "")
	dropOld := f.Bool("drop-old", false, "")
	abandon := f.Bool("abandon", false, "")
	args, err := parse(f, args)
	if err != nil {
		return err
	}
	if len(args) != 1 {
		return usage()
	}
	switch {
	case *dropOld:
		return d.Mender.DropOld(ctx, args[0])
	case *abandon:
		return d.Mender.AbandonRebuild(ctx, args[0])
	}
	var told time.Time
	report, err := d.Mender.Rebuild(ctx, d.Store, args[0], RebuildOptions{
		DryRun: *dry,
		Progress: func(p RebuildProgress) {
			if time.Since(told) > 200*time.Millisecond || p.Position >= p.HighWater {
				told = time.Now()
				_, _ = fmt.Fprintf(d.Out, "\r%s %d events, %.0f/s, %s left   ", bar(p.Position, p.HighWater), p.Events, p.PerSecond, p.Left)
			}
		},
		Differences: d.printDiff,
	})
	if err != nil {
		return err
	}
	if !report.Swapped {
		_, err = fmt.Fprintln(d.Out, "Nothing was changed. Run it again without -dry-run to swap the tables.")
		return err
	}
	_, err = fmt.Fprintf(d.Out, "%d events in %.1f s; the tables were swapped, readers waited %s.\nThe old ones are kept: \"rebuild -drop-old %s\" drops them.\n",
		report.Events, report.Seconds, report.Paused.Round(time.Millisecond), args[0])
	return err
}

// bar draws how much is done.
func bar(done, all int64) string {
	const width = 30
	n := width
	if all > 0 {
		n = int(min(done, all) * width / all)
	}
	return "[" + strings.Repeat("=", n) + strings.Repeat(" ", width-n) + "]"
}

func (d CommandDeps) printDiff(tables []TableDiff) error {
	w := tabwriter.NewWriter(d.Out, 0, 4, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "\nTABLE\tSAME\tDIFFERENT\tONLY LIVE\tONLY REBUILT\tMOVING")
	for _, t := range tables {
		_, _ = fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%d\n", t.Table, t.Same, t.Different, t.OnlyLive, t.OnlyShadow, t.Moving)
	}
	for _, t := range tables {
		for _, s := range t.Samples {
			_, _ = fmt.Fprintf(w, "%s: %s\n", t.Table, s)
		}
	}
	return w.Flush()
}

func (d CommandDeps) verify(ctx context.Context, args []string) error {
	f := flag.NewFlagSet("verify", flag.ContinueOnError)
	asJSON := f.Bool("json", false, "")
	noKafka := f.Bool("no-kafka", false, "")
	expired := f.Bool("expired", false, "streams that Kafka holds nothing of have expired there")
	if _, err := parse(f, args); err != nil {
		return err
	}
	views, err := d.Mender.Verify(ctx, d.Store, nil)
	if err != nil {
		return err
	}
	var kafka *KafkaVerification
	if !*noKafka && len(d.Broker.Brokers) > 0 {
		k, err := d.Mender.VerifyKafka(ctx, d.Broker, d.Store, *expired, nil)
		if err != nil {
			return err
		}
		kafka = &k
	}
	if *asJSON {
		err = json.NewEncoder(d.Out).Encode(map[string]any{"views": views, "kafka": kafka})
	} else {
		err = d.printVerification(views, kafka)
	}
	if err == nil && (!views.OK() || kafka != nil && !kafka.OK()) {
		return ErrDifferent
	}
	return err
}

func (d CommandDeps) printVerification(v Verification, k *KafkaVerification) error {
	_, _ = fmt.Fprintf(d.Out, "Compared %d rows and %d customers with %d events of %d streams: %d differences, %d streams on their way, %d parked.\n",
		v.Rows, v.Customers, v.Events, v.Streams, v.Wrong, v.Behind, v.Parked)
	differences := v.Differences
	if k != nil {
		_, _ = fmt.Fprintf(d.Out, "Compared %d events in Kafka with %d streams: %d incomplete or out of order, %d events repeated, %d streams expired.\n",
			k.Events, k.Streams, k.Wrong, k.Repeated, k.Expired)
		differences = append(differences, k.Differences...)
	}
	for _, diff := range differences {
		if _, err := fmt.Fprintf(d.Out, "%s %s\n  want %s\n  have %s\n", diff.View, diff.Key, diff.Want, diff.Have); err != nil {
			return err
		}
	}
	return nil
}
