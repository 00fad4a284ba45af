package client

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
)

// linesMedia is the media type of JSON texts, one a line.
const linesMedia = "application/x-ndjson"

// ImportLine is a line of an import: an order, or a receipt or an adjustment of stock.
type ImportLine struct {
	// Key tells the line from others of the same import, for ever.
	Key        string      `json:"key"`
	Order      *NewOrder   `json:"order,omitempty"`
	Receipt    *Receipt    `json:"receipt,omitempty"`
	Adjustment *Adjustment `json:"adjustment,omitempty"`
}

// ImportResult is what became of a line of an import.
type ImportResult struct {
	// Line is counted from 1, and Key is the line's own.
	Line int    `json:"line"`
	Key  string `json:"key,omitempty"`
	// Status is the one with which the line's request would be answered by itself.
	Status int `json:"status"`
	// Replayed is true when an earlier import has done it.
	Replayed bool `json:"replayed,omitempty"`
	// Result is what was made, such as an [OrderAccepted], or a problem.
	Result json.RawMessage `json:"result"`
}

// Err is the [*Problem] of a line that was refused, and nil for one that was carried out.
func (r ImportResult) Err() error {
	if r.Status < http.StatusBadRequest {
		return nil
	}
	p := &Problem{}
	if err := json.Unmarshal(r.Result, p); err != nil {
		return fmt.Errorf("line %d: read the problem: %w", r.Line, err)
	}
	p.Status = r.Status
	return p
}

// ImportOrders places an order for each line, and goes through the results in the order of the lines. A line that is
// refused stops no other. An import whose results end with an error was cut off. Send it again under the same
// [IdempotencyKey], all of it or from where it stopped: what was done is replayed.
func (c *Client) ImportOrders(ctx context.Context, lines iter.Seq[ImportLine], options ...CallOption) iter.Seq2[ImportResult, error] {
	return c.importLines(ctx, ordersPath+"/import", lines, options)
}

// ImportStock records the receipt or the adjustment of each line; see [Client.ImportOrders].
func (c *Client) ImportStock(ctx context.Context, lines iter.Seq[ImportLine], options ...CallOption) iter.Seq2[ImportResult, error] {
	return c.importLines(ctx, "/api/v1/stock/import", lines, options)
}

// ImportOrdersFrom is [Client.ImportOrders] for lines that are written already, as newline-delimited JSON.
func (c *Client) ImportOrdersFrom(ctx context.Context, lines io.Reader, options ...CallOption) iter.Seq2[ImportResult, error] {
	return c.importFrom(ctx, ordersPath+"/import", lines, options)
}

// ImportStockFrom is [Client.ImportStock] for lines that are written already, as newline-delimited JSON.
func (c *Client) ImportStockFrom(ctx context.Context, lines io.Reader, options ...CallOption) iter.Seq2[ImportResult, error] {
	return c.importFrom(ctx, "/api/v1/stock/import", lines, options)
}

func (c *Client) importLines(ctx context.Context, path string, lines iter.Seq[ImportLine], options []CallOption) iter.Seq2[ImportResult, error] {
	return func(yield func(ImportResult, error) bool) {
		in, out := io.Pipe()
		defer func() { _ = in.Close() }() // ends the writer where the results end first
		go func() {
			encoder := json.NewEncoder(out)
			for line := range lines {
				if err := encoder.Encode(line); err != nil {
					_ = out.CloseWithError(err)
					return
				}
			}
			_ = out.Close()
		}()
		c.importFrom(ctx, path, in, options)(yield)
	}
}

func (c *Client) importFrom(ctx context.Context, path string, lines io.Reader, options []CallOption) iter.Seq2[ImportResult, error] {
	return func(yield func(ImportResult, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		r := newRequest(http.MethodPost, path, nil, options)
		r.lines, r.accept = lines, linesMedia
		endless := *c.http
		endless.Timeout = 0
		response, err := c.send(ctx, &endless, r, nil)
		if err != nil {
			yield(ImportResult{}, fmt.Errorf("POST %s: %w", path, err))
			return
		}
		defer func() { _ = response.Body.Close() }()
		if response.StatusCode != http.StatusOK {
			content, _ := readBody(response) // what is there tells enough
			yield(ImportResult{}, fmt.Errorf("POST %s: %w", path, problemOf(response, content)))
			return
		}
		answers := bufio.NewScanner(response.Body)
		answers.Buffer(nil, streamLineBytesMax)
		for answers.Scan() {
			var line struct {
				ImportResult
				Done bool `json:"done"`
			}
			if err := json.Unmarshal(answers.Bytes(), &line); err != nil {
				yield(ImportResult{}, fmt.Errorf("read the result of a line: %w", err))
				return
			}
			if line.Done || !yield(line.ImportResult, nil) {
				return
			}
		}
		yield(ImportResult{}, &lostError{errors.Join(ErrCutOff, answers.Err())})
	}
}

// ErrCutOff says that an answer was cut off before its end.
var ErrCutOff = errors.New("the answer was cut off")
