package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/orderloom/orderloom/internal/config"
	"github.com/orderloom/orderloom/internal/replay"
	"github.com/spf13/cobra"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
)

const (
	// replayTimeout bounds one history: code that goes round in circles would never end.
	replayTimeout = time.Minute
	// queryDefault and queryMax bound how many executions a query may name.
	queryDefault = 100
	queryMax     = 10_000
)

func (p *program) replayCommand() *cobra.Command {
	r := &replaying{out: p.stdout, stdin: p.stdin, does: p.does, histories: []replayedHistory{}}
	var output *format
	c := &cobra.Command{
		Use:   "replay <file | workflow-id>...",
		Short: "Say whether this version's sagas agree with histories",
		Long: `Replay histories on this version's saga code and say whether it agrees with them.

A file is one that was written by "tctl workflow show --output_filename", "temporal workflow show
--output json" or the Web UI's download; "-" reads one from standard input. Anything else is the id of a
workflow, whose history is fetched from the server.`,
		Args: r.check,
		RunE: p.runs(func(ctx context.Context, args []string) error {
			// Files can be replayed without any server, so no setting is required.
			cfg, err := config.Load(p.lookup)
			if err != nil {
				return usageError{err}
			}
			if r.replayer, r.dial, err = p.replayer(cfg); err != nil {
				return err
			}
			if *output == outputTable {
				return r.run(ctx, args)
			}
			r.out = io.Discard
			err = r.run(ctx, args)
			return errors.Join(err, p.show(*output, map[string]any{
				"histories": r.histories, "replayed": r.replayed, "disagree": r.disagree, "unknown": len(r.failed), "more": r.more,
			}, nil))
		}),
	}
	output = outputFlag(c)
	c.Flags().StringVar(&r.runID, "run-id", "", "the `run` of the workflow id; the latest without it")
	c.Flags().BoolVarP(&r.verbose, "verbose", "v", false, "show what the SDK says, too; it may quote payloads")
	c.Flags().StringVar(&r.query, "query", "", "replay the executions that match a visibility `query`, such as 'ExecutionStatus=\"Running\"'")
	c.Flags().IntVar(&r.limit, "limit", queryDefault, fmt.Sprintf("the most executions that --query replays, up to %d", queryMax))
	return c
}

// replaying is one call of the command.
type replaying struct {
	replayer *replay.Replayer
	// dial returns a client of the Temporal server. It is called once, and only for what is no file.
	dial  func(context.Context) (client.Client, error)
	stdin io.Reader
	out   io.Writer
	does  func(what string)

	runID, query string
	verbose      bool
	limit        int

	temporal           client.Client
	replayed, disagree int
	failed             []error
	histories          []replayedHistory
	more               bool // --limit was reached
}

// replayedHistory is what a replay tells of one history.
type replayedHistory struct {
	Name string `json:"name"`
	// Verdict is agrees, disagrees, or unknown with an error.
	Verdict      string        `json:"verdict"`
	WorkflowType string        `json:"workflow_type,omitempty"`
	WorkflowID   string        `json:"workflow_id,omitempty"`
	RunID        string        `json:"run_id,omitempty"`
	Events       int           `json:"events,omitempty"`
	Status       string        `json:"status,omitempty"`
	Note         string        `json:"note,omitempty"`
	Disagreement *disagreement `json:"disagreement,omitempty"`
	Error        string        `json:"error,omitempty"`
}

// disagreement is where today's code takes another way than a history.
type disagreement struct {
	EventID     int64    `json:"event_id"`
	EventType   string   `json:"event_type"`
	History     string   `json:"history"`
	Code        string   `json:"code"`
	TaskEventID int64    `json:"task_event_id,omitempty"`
	Calls       []string `json:"calls,omitempty"`
	SDK         string   `json:"sdk,omitempty"`
}

// check refuses arguments and flags that make no sense together.
func (r *replaying) check(c *cobra.Command, args []string) error {
	switch {
	case c.Flags().Changed("limit") && r.query == "":
		return errors.New("--limit goes with --query")
	case slices.Contains(args, ""):
		return errors.New("a file or workflow id is empty")
	case r.limit < 1 || r.limit > queryMax:
		return fmt.Errorf("--limit must be from 1 to %d", queryMax)
	case len(args) == 0 && r.query == "":
		return errors.New("orderloom replay needs a file, a workflow id or a --query")
	case r.runID != "" && len(args) != 1:
		return errors.New("--run-id goes with one workflow id")
	}
	return nil
}

// run replays what the arguments and the query name, and writes a report of each. Errors:
// [replay.ErrDisagrees]; what could not be replayed at all, once the rest has been.
func (r *replaying) run(ctx context.Context, names []string) error {
	for _, name := range names {
		if ctx.Err() != nil {
			break
		}
		r.replay(ctx, name, func() (*historypb.History, error) { return r.load(ctx, name) })
	}
	if r.query != "" {
		if err := r.replayQuery(ctx); err != nil {
			r.failed = append(r.failed, err)
		}
	}
	return r.end(ctx)
}

// load returns the history of a file or of an execution.
func (r *replaying) load(ctx context.Context, name string) (*historypb.History, error) {
	if name == "-" {
		return replay.Read(r.stdin)
	}
	h, err := replay.ReadFile(name)
	none := errors.Is(err, fs.ErrNotExist)
	switch {
	case none && (strings.ContainsAny(name, `/\`) || strings.HasSuffix(name, ".json")):
		return nil, usageError{err}
	case !none:
		return h, err
	}
	if err := r.connect(ctx); err != nil {
		return nil, err
	}
	return replay.Fetch(ctx, r.temporal, name, r.runID)
}

// connect opens the client of the Temporal server, unless it is open.
func (r *replaying) connect(ctx context.Context) (err error) {
	if r.temporal == nil {
		r.temporal, err = r.dial(ctx)
	}
	return err
}

// replayQuery replays what a visibility query finds, in its order.
func (r *replaying) replayQuery(ctx context.Context) error {
	if err := r.connect(ctx); err != nil {
		return err
	}
	var token []byte
	left := r.limit
	for {
		page, err := r.temporal.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{Query: r.query, NextPageToken: token})
		if err != nil {
			return fmt.Errorf("find the executions of the query: %w", err)
		}
		for _, e := range page.GetExecutions() {
			if left == 0 {
				r.more = true
				_, _ = fmt.Fprintln(r.out, "There are more; --limit was reached.")
				return nil
			}
			left--
			id, run := e.GetExecution().GetWorkflowId(), e.GetExecution().GetRunId()
			r.replay(ctx, id, func() (*historypb.History, error) { return replay.Fetch(ctx, r.temporal, id, run) })
		}
		if token = page.GetNextPageToken(); len(token) == 0 || ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// replay replays one history and reports on it.
func (r *replaying) replay(ctx context.Context, name string, load func() (*historypb.History, error)) {
	ctx, cancel := context.WithTimeout(ctx, replayTimeout)
	defer cancel()
	r.does("replaying " + name)
	h, err := load()
	var result replay.Result
	if err == nil {
		result, err = r.replayer.Replay(ctx, h)
	}
	if err != nil {
		_, _ = fmt.Fprintf(r.out, "UNKNOWN    %s: %v\n", name, err)
		r.failed = append(r.failed, fmt.Errorf("%s: %w", name, err))
		r.histories = append(r.histories, replayedHistory{Name: name, Verdict: "unknown", Error: err.Error()})
		return
	}
	r.replayed++
	if result.Disagreement != nil {
		r.disagree++
	}
	_, _ = io.WriteString(r.out, result.Report(name, r.verbose))
	r.histories = append(r.histories, r.told(name, result))
}

// told is a result for programs.
func (r *replaying) told(name string, result replay.Result) replayedHistory {
	h := replayedHistory{
		Name: name, Verdict: "agrees", WorkflowType: result.WorkflowType, WorkflowID: result.WorkflowID, RunID: result.RunID,
		Events: result.Events, Status: result.Status, Note: result.Note,
	}
	if d := result.Disagreement; d != nil {
		h.Verdict = "disagrees"
		h.Disagreement = &disagreement{EventID: d.EventID, EventType: d.EventType, History: d.History, Code: d.Code, TaskEventID: d.TaskEventID, Calls: d.Calls}
		if r.verbose && d.Err != nil {
			h.Disagreement.SDK = d.Err.Error()
		}
	}
	return h
}

// end closes the client, writes the sum of several, and returns what went wrong.
func (r *replaying) end(ctx context.Context) error {
	if r.temporal != nil {
		r.temporal.Close()
	}
	if r.replayed+len(r.failed) > 1 {
		_, _ = fmt.Fprintf(r.out, "%d replayed, %d disagree, %d could not be replayed.\n", r.replayed, r.disagree, len(r.failed))
	}
	err := errors.Join(r.failed...)
	if r.disagree > 0 {
		err = errors.Join(fmt.Errorf("%w (%d of %d)", replay.ErrDisagrees, r.disagree, r.replayed), err)
	}
	return errors.Join(err, ctx.Err())
}
