package replay

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"time"

	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
)

// Limits of a command.
const (
	// replayTimeout bounds one history: code that goes round in circles would never end.
	replayTimeout = time.Minute
	// queryDefault and queryMax bound how many executions a query may name.
	queryDefault = 100
	queryMax     = 10_000
)

// Deps is what the command works with.
type Deps struct {
	// Sagas is every workflow type by its name.
	Sagas map[string]any
	// Data is the data converter of the payloads; nil is the SDK's own.
	Data converter.DataConverter
	// Dial returns a client of the Temporal server. It is called once, and only for what is no file.
	Dial func(context.Context) (client.Client, error)
	// Stdin is read for the argument "-"; nil is empty.
	Stdin io.Reader
}

const usage = `Usage: orderloom replay [options] <file | workflow id>...

Replays histories on this version's saga code and says whether it agrees with them. A file is one that was
written by "tctl workflow show --output_filename", "temporal workflow show --output json" or the Web
UI's download; "-" reads one from standard input. Anything else is the id of a workflow whose history is
fetched from the server. The exit status is 0 when all agree and 1 otherwise.

Options:
`

// Command replays what the arguments name, and writes a report of each to stdout. Errors:
// [flag.ErrHelp] when help was asked for; [ErrDisagrees]; what could not be replayed at all, once the
// rest has been.
func Command(ctx context.Context, args []string, stdout io.Writer, deps Deps) error {
	c := &command{replayer: New(deps.Sagas, deps.Data), out: stdout, deps: deps}
	flags := flag.NewFlagSet("replay", flag.ContinueOnError)
	flags.SetOutput(stdout)
	flags.Usage = func() { _, _ = io.WriteString(stdout, usage); flags.PrintDefaults() }
	flags.StringVar(&c.runID, "run-id", "", "the `run` of the workflow id; the latest without it")
	flags.BoolVar(&c.verbose, "v", false, "show what the SDK says, too; it may quote payloads")
	query := flags.String("query", "", "replay the executions that match a visibility `query`, such as 'ExecutionStatus=\"Running\"'")
	limit := flags.Int("limit", queryDefault, fmt.Sprintf("the most executions that -query replays, up to %d", queryMax))
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *limit < 1 || *limit > queryMax {
		return fmt.Errorf("-limit must be from 1 to %d", queryMax)
	}
	if flags.NArg() == 0 && *query == "" {
		flags.Usage()
		return errors.New("name a file or a workflow id")
	}
	if c.runID != "" && flags.NArg() != 1 {
		return errors.New("-run-id goes with one workflow id")
	}
	for _, name := range flags.Args() {
		c.replay(ctx, name, func() (*historypb.History, error) { return c.load(ctx, name) })
	}
	if *query != "" {
		if err := c.replayQuery(ctx, *query, *limit); err != nil {
			c.failed = append(c.failed, err)
		}
	}
	return c.end(ctx)
}

// command is one call of the command.
type command struct {
	replayer *Replayer
	out      io.Writer
	deps     Deps
	runID    string
	verbose  bool

	temporal           client.Client
	replayed, disagree int
	failed             []error
}

// load returns the history of a file or of an execution.
func (c *command) load(ctx context.Context, name string) (*historypb.History, error) {
	if name == "-" {
		if c.deps.Stdin == nil {
			return nil, errors.New("there is no standard input")
		}
		return Read(c.deps.Stdin)
	}
	h, err := ReadFile(name)
	if !errors.Is(err, fs.ErrNotExist) || strings.ContainsAny(name, `/\`) || strings.HasSuffix(name, ".json") {
		return h, err
	}
	if err := c.dial(ctx); err != nil {
		return nil, err
	}
	return Fetch(ctx, c.temporal, name, c.runID)
}

func (c *command) dial(ctx context.Context) (err error) {
	if c.temporal == nil {
		if c.deps.Dial == nil {
			return errors.New("there is no Temporal server to ask")
		}
		c.temporal, err = c.deps.Dial(ctx)
	}
	return err
}

// replayQuery replays what a visibility query finds, in its order.
func (c *command) replayQuery(ctx context.Context, query string, limit int) error {
	if err := c.dial(ctx); err != nil {
		return err
	}
	var token []byte
	for {
		page, err := c.temporal.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{Query: query, NextPageToken: token})
		if err != nil {
			return fmt.Errorf("find the executions of the query: %w", err)
		}
		for _, e := range page.GetExecutions() {
			if limit == 0 {
				_, _ = fmt.Fprintln(c.out, "There are more; -limit was reached.")
				return nil
			}
			limit--
			id, run := e.GetExecution().GetWorkflowId(), e.GetExecution().GetRunId()
			c.replay(ctx, id, func() (*historypb.History, error) { return Fetch(ctx, c.temporal, id, run) })
		}
		if token = page.GetNextPageToken(); len(token) == 0 || ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// replay replays one history and reports on it.
func (c *command) replay(ctx context.Context, name string, load func() (*historypb.History, error)) {
	ctx, cancel := context.WithTimeout(ctx, replayTimeout)
	defer cancel()
	h, err := load()
	var result Result
	if err == nil {
		result, err = c.replayer.Replay(ctx, h)
	}
	if err != nil {
		_, _ = fmt.Fprintf(c.out, "UNKNOWN    %s: %v\n", name, err)
		c.failed = append(c.failed, fmt.Errorf("%s: %w", name, err))
		return
	}
	c.replayed++
	if result.Disagreement != nil {
		c.disagree++
	}
	_, _ = io.WriteString(c.out, result.Report(name, c.verbose))
}

func (c *command) end(ctx context.Context) error {
	if c.temporal != nil {
		c.temporal.Close()
	}
	if c.replayed+len(c.failed) > 1 {
		_, _ = fmt.Fprintf(c.out, "%d replayed, %d disagree, %d could not be replayed.\n", c.replayed, c.disagree, len(c.failed))
	}
	err := errors.Join(c.failed...)
	if c.disagree > 0 {
		err = errors.Join(fmt.Errorf("%w (%d of %d)", ErrDisagrees, c.disagree, c.replayed), err)
	}
	return errors.Join(err, ctx.Err())
}

// Report says in words what a replay found, in one line or, for a disagreement, some more. With verbose
// it quotes the SDK, which may quote payloads.
func (r Result) Report(name string, verbose bool) string {
	var b strings.Builder
	verdict := "AGREES"
	if r.Disagreement != nil {
		verdict = "DISAGREES"
	}
	fmt.Fprintf(&b, "%-10s %s: %s, %d events, %s", verdict, name, r.WorkflowType, r.Events, r.Status)
	if r.Note != "" {
		b.WriteString("; " + r.Note)
	}
	b.WriteByte('\n')
	d := r.Disagreement
	if d == nil {
		return b.String()
	}
	fmt.Fprintf(&b, "  At event %d (%s) the history %s;\n  today's code %s.\n", d.EventID, d.EventType, d.History, d.Code)
	if len(d.Calls) > 0 {
		fmt.Fprintf(&b, "  In the workflow task of event %d today's code:\n", d.TaskEventID)
		for _, call := range d.Calls {
			fmt.Fprintf(&b, "    - %s\n", call)
		}
	}
	if r.Status == "running" {
		b.WriteString("  This execution would be stuck on today's code until the code agrees again.\n")
	}
	if verbose {
		fmt.Fprintf(&b, "  The SDK says: %v\n", d.Err)
	}
	return b.String()
}
