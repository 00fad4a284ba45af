package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"os"

	"github.com/orderloom/orderloom/client"
	"github.com/spf13/cobra"
)

// importWays are what can be imported.
var importWays = map[string]func(c *client.Client, ctx context.Context, lines io.Reader, options ...client.CallOption) iter.Seq2[client.ImportResult, error]{
	"orders": (*client.Client).ImportOrdersFrom,
	"stock":  (*client.Client).ImportStockFrom,
}

func (p *program) importCommand() *cobra.Command {
	var key string
	c := &cobra.Command{
		Use:   "import <orders|stock> <file>",
		Short: "Place many orders, or record much stock, over the API",
		Long: `Place many orders, or record much stock, over the API. The file has one JSON object a line, such as
{"key": "row-1", "order": {…}}; docs/bulk.md tells its form. What became of each line is printed, one JSON object a line.

A line that is refused stops no other. With status 4 some were refused. When the import was cut off,
run it again with the same --key: what was done is replayed, and nothing is done twice.`,
		Args: arguments("what", "file"),
		RunE: p.calls(func(ctx context.Context, api *client.Client, args []string) error {
			way, known := importWays[args[0]]
			if !known {
				return wrongUsage("orders or stock can be imported, and not %q", args[0])
			}
			file, err := os.Open(args[1]) //nolint:gosec // whoever runs the command names it
			if err != nil {
				return wrongUsage("open the lines: %w", err)
			}
			defer func() { _ = file.Close() }()
			if info, err := file.Stat(); err != nil || info.IsDir() {
				return wrongUsage("%s is no file", args[1])
			}
			return printResults(p.stdout, way(api, ctx, file, client.IdempotencyKey(key)))
		}),
	}
	c.Flags().StringVar(&key, "key", "", "stands for this import, whenever it is run; another one does all of it anew")
	_ = c.MarkFlagRequired("key") // it is there
	return c
}

// printResults prints what became of each line. Its error says that some were refused, or the answer was cut off.
func printResults(out io.Writer, results iter.Seq2[client.ImportResult, error]) error {
	refused, lines := 0, 0
	encoder := json.NewEncoder(out)
	for r, err := range results {
		if err != nil {
			return fmt.Errorf("after %d lines: %w", lines, err)
		}
		lines++
		if r.Err() != nil {
			refused++
		}
		if err := encoder.Encode(r); err != nil {
			return err
		}
	}
	if refused > 0 {
		return refusedError{fmt.Errorf("%d of %d lines were refused", refused, lines)}
	}
	return nil
}
