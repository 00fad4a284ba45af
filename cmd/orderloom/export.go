package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/orderloom/orderloom/client"
	"github.com/orderloom/orderloom/internal/progress"
	"github.com/spf13/cobra"
)

// exportedLists are the lists that can be exported, besides events.
var exportedLists = []string{"orders", "payments", "refunds", "returns", "shipments", "invoices", "stock", "attention", "audit"}

// export is what a command line asks for.
type export struct {
	list   string
	format string
	where  []string
	fields []string
	after  string
}

func (p *program) exportCommand() *cobra.Command {
	var e export
	var file string
	c := &cobra.Command{
		Use:   "export <list>",
		Short: "Write all of a list to a file, or to the output",
		Long: `Write all of a list to a file, or to the output. Lists are
` + strings.Join(exportedLists, ", ") + ` and events.

What is written is what the key may see, one JSON object a line or a table. --where chooses by the parameters of the
list's operation, such as --where status=shipped. How far it is stands in the other output.

A file has its name once it is whole. Until then its name ends in ".part". An export that ended too early
says how far it came. For events it also says with which --after the rest is written.`,
		Args: arguments("list"),
	}
	c.RunE = p.calls(func(ctx context.Context, api *client.Client, args []string) error {
		e.list = args[0]
		return p.export(ctx, api, e, file)
	})
	c.Flags().StringVar(&file, "file", "", "where to write; to the output when it is left out")
	c.Flags().StringVar(&e.format, "format", "ndjson", "write ndjson or csv")
	c.Flags().StringArrayVar(&e.where, "where", nil, "a `parameter=value` of the list; may be repeated")
	c.Flags().StringSliceVar(&e.fields, "fields", nil, "only these members, with commas between them")
	c.Flags().StringVar(&e.after, "after", "", "the `cursor` after which to go on, for events")
	return c
}

// export writes a list to a file, or to the output for none.
func (p *program) export(ctx context.Context, api *client.Client, e export, file string) error {
	say := func(format string, args ...any) { fmt.Fprintf(p.stderr, format+"\n", args...) }
	write, err := e.writer(api, say)
	if err != nil {
		return err
	}
	out := p.stdout
	if file != "" {
		// Its name is its own, so that two exports at once don't write into each other's.
		part, err := os.CreateTemp(filepath.Dir(file), filepath.Base(file)+".*.part")
		if err != nil {
			return wrongUsage("create the file: %w", err)
		}
		defer func() { _ = part.Close() }()
		out = part
	}
	rows := &rowWriter{out: out, head: e.format == "csv"}
	p.doesWith(func() string { return fmt.Sprintf("%d %s", rows.count(), e.list) })
	err = write(ctx, rows)
	if err != nil {
		say("it ended after %d %s", rows.count(), e.list)
		return err
	}
	if file != "" {
		if err := out.(*os.File).Close(); err != nil {
			return fmt.Errorf("write the file: %w", err)
		}
		if err := os.Rename(out.(*os.File).Name(), file); err != nil {
			return fmt.Errorf("write the file: %w", err)
		}
	}
	say("%d %s", rows.count(), e.list)
	return nil
}

// writer returns what writes the list, and says how to go on where that is possible. Its errors are those of the
// command line.
func (e export) writer(api *client.Client, say progress.Log) (func(ctx context.Context, out io.Writer) error, error) {
	parameters := url.Values{}
	for _, w := range e.where {
		name, value, ok := strings.Cut(w, "=")
		if !ok || name == "" {
			return nil, wrongUsage("--where is parameter=value, and not %q", w)
		}
		parameters.Add(name, value)
	}
	format, known := map[string]client.ExportFormat{"ndjson": client.Lines, "csv": client.Table}[e.format]
	switch {
	case !known:
		return nil, wrongUsage("--format is ndjson or csv, and not %q", e.format)
	case e.list == "events":
		return e.eventsWriter(api, parameters, say)
	case !slices.Contains(exportedLists, e.list):
		return nil, wrongUsage("%s or events can be exported, and not %q", strings.Join(exportedLists, ", "), e.list)
	case e.after != "":
		return nil, wrongUsage("--after is for events alone")
	}
	var options []client.CallOption
	if len(e.fields) > 0 {
		options = append(options, client.Fields(e.fields...))
	}
	return func(ctx context.Context, out io.Writer) error {
		return api.Export(ctx, client.NamedList{Name: e.list, Parameters: parameters}, format, out, options...)
	}, nil
}

// eventsWriter returns what writes events. They are read by pages, and so can be gone on with.
func (e export) eventsWriter(
	api *client.Client, parameters url.Values, say progress.Log,
) (func(ctx context.Context, out io.Writer) error, error) {
	if e.format != "ndjson" || len(e.fields) > 0 {
		return nil, wrongUsage("events are written whole, and as ndjson")
	}
	q := client.EventQuery{Cursor: e.after, Limit: 1000}
	for name, values := range parameters {
		err := error(nil)
		switch name {
		case "type":
			q.Types = values
		case "order_id":
			q.OrderID, err = parseID("order_id", values[0])
		case "created_from":
			q.From, err = time.Parse(time.RFC3339, values[0])
		case "created_to":
			q.To, err = time.Parse(time.RFC3339, values[0])
		default:
			err = errors.New("events are chosen by type, order_id, created_from and created_to")
		}
		if err != nil {
			return nil, wrongUsage("--where %s: %w", name, err)
		}
	}
	return func(ctx context.Context, out io.Writer) error {
		lines := json.NewEncoder(out)
		for event, err := range api.Events(ctx, q) {
			if err == nil {
				err = lines.Encode(event)
			}
			if err != nil && q.Cursor != "" {
				say("the rest is written with --after %s", q.Cursor)
			}
			if err != nil {
				return err
			}
			q.Cursor = event.Cursor
		}
		return nil
	}, nil
}

// rowWriter counts the rows that are written, without the head of a table. A text in a table may have line breaks in
// it, between quotation marks.
type rowWriter struct {
	out    io.Writer
	head   bool // is written first
	quoted bool
	rows   atomic.Int64
}

func (w *rowWriter) Write(b []byte) (int, error) {
	for _, c := range b {
		switch {
		case c == '"' && w.head:
			w.quoted = !w.quoted
		case c == '\n' && !w.quoted:
			w.rows.Add(1)
		}
	}
	return w.out.Write(b)
}

func (w *rowWriter) count() int64 {
	if n := w.rows.Load(); w.head && n > 0 {
		return n - 1
	}
	return w.rows.Load()
}
