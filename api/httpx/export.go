package httpx

import (
	"bytes"
	"context"
	"encoding/csv"
	stdjson "encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/orderloom/orderloom/api/version"
)

// csvMedia is the media type of comma-separated values (RFC 4180).
const csvMedia = "text/csv"

const (
	// exportPage is how many things an export reads at once, and so how many it holds.
	exportPage = 100
	// exportWait is how long a page is tried again that is refused because of too much work, or an outage.
	exportWait = time.Minute
	// columnsDepth is how deep the columns of a table reach into what a thing consists of.
	columnsDepth = 3
)

// ExportMedia is the media type in which a request wants the whole of a list; empty for one that wants a page.
func ExportMedia(h http.Header) string {
	accept := strings.ToLower(strings.Join(h["Accept"], ","))
	switch {
	case strings.Contains(accept, "application/json"):
		return ""
	case strings.Contains(accept, csvMedia):
		return csvMedia
	case strings.Contains(accept, LinesMedia):
		return LinesMedia
	}
	return ""
}

// export answers with all of a list, page by page, as it is read. Each page is a request of its own to the same route,
// by the same caller. So an export shows what the list shows, and holds one page at a time. What can't be read to its
// end breaks off, so that nobody takes a part for the whole. That includes an export of a process that ends.
func (x *Exchange) export(ctx context.Context, media string) error {
	for _, name := range []string{"limit", "cursor"} {
		if x.HasQuery(name) {
			x.Blame(InQuery, name, "is of a page: an export has all of the list")
		}
	}
	if err := x.Invalid(); err != nil {
		return err
	}
	if err := x.router.exports.Take(x.Party()); err != nil {
		return err
	}
	defer x.router.exports.Give(x.Party())
	query := x.Request.URL.Query()
	member := x.router.contract.listMember(x.answerPlace(http.StatusOK, "application/json"))
	out := x.exportWriter(media, member)
	for cursor, begun := "", false; ; begun = true {
		if x.router.drains() && !begun {
			return NewProblem(KindUnavailable, "this process ends, and no export begins")
		}
		page, err := x.exportedPage(ctx, query, cursor)
		if err == nil && page.Status != http.StatusOK && !begun {
			x.passOn(page)
			return nil
		}
		if err == nil && page.Status == http.StatusOK {
			before := cursor
			if cursor, err = out.writePage(ctx, page.Body.Bytes(), member); err == nil && cursor != "" && cursor == before {
				err = errors.New("the list does not go on")
			}
		}
		if err == nil && page.Status == http.StatusOK {
			err = out.flush()
		}
		switch {
		case err != nil, page.Status != http.StatusOK:
			x.Note(fmt.Errorf("export a list: status %d: %w", page.Status, err))
			panic(http.ErrAbortHandler)
		case cursor == "":
			return nil
		case x.router.drains():
			x.Note(errors.New("export a list: the process ends"))
			panic(http.ErrAbortHandler)
		}
	}
}

// drains reports whether the process is about to end.
func (r *Router) drains() bool {
	select {
	case <-r.drained:
		return true
	default: // also without a channel
		return false
	}
}

// exportedPage asks for a page of the list, once more while there is too much work or an outage.
func (x *Exchange) exportedPage(ctx context.Context, query url.Values, cursor string) (*Captured, error) {
	query = maps.Clone(query)
	if query == nil {
		query = url.Values{}
	}
	query.Set("limit", strconv.Itoa(exportPage))
	if cursor != "" {
		query.Set("cursor", cursor)
	}
	for begun := time.Now(); ; {
		r := x.Request.Clone(ctx)
		r.URL.RawQuery = query.Encode()
		r.Header.Set("Accept", "application/json")
		r.Header.Set("X-Request-Id", x.RequestID)
		for _, name := range []string{"If-None-Match", "Accept-Encoding"} {
			r.Header.Del(name)
		}
		if x.version != "" {
			r.Header.Set(version.Header, string(x.version))
		}
		page := NewCaptured()
		x.router.ServeHTTP(page, r)
		passing := page.Status == http.StatusTooManyRequests || page.Status == http.StatusServiceUnavailable
		seconds, _ := strconv.Atoi(page.Header().Get("Retry-After"))
		wait := max(time.Duration(seconds)*time.Second, 100*time.Millisecond)
		if !passing || cursor == "" || time.Since(begun)+wait > exportWait {
			return page, nil
		}
		select {
		case <-time.After(wait):
		case <-x.router.drained:
			return page, nil
		case <-ctx.Done():
			return page, ctx.Err()
		}
	}
}

// passOn answers as the first page is answered.
func (x *Exchange) passOn(page *Captured) {
	h := x.Writer.Header()
	for name, values := range page.Header() {
		h[name] = values
	}
	x.Writer.WriteHeader(page.Status)
	_, _ = x.Writer.Write(page.Body.Bytes()) // a client that has gone needs no answer
}

// elementsOf returns the list of a page, and where to go on; empty after the last one.
func elementsOf(text []byte, member string) (elements []stdjson.RawMessage, next string, err error) {
	var page map[string]stdjson.RawMessage
	if err = stdjson.Unmarshal(text, &page); err == nil {
		err = stdjson.Unmarshal(page[member], &elements)
	}
	if err == nil && page["next_cursor"] != nil {
		err = stdjson.Unmarshal(page["next_cursor"], &next)
	}
	return elements, next, err
}

// exportWriter writes the things of a list.
type exportWriter struct {
	x       *Exchange
	control *http.ResponseController
	text    bytes.Buffer
	table   *csv.Writer // nil for lines
	columns [][]string
}

// exportWriter returns the answer of an export. Nothing leaves before it is flushed.
func (x *Exchange) exportWriter(media, member string) *exportWriter {
	h := x.Writer.Header()
	h.Set("Content-Type", media)
	h.Set("Cache-Control", "no-store")
	h.Add("Vary", "Accept")
	w := &exportWriter{x: x, control: http.NewResponseController(x.Writer)}
	if media != csvMedia {
		return w
	}
	h.Set("Content-Type", csvMedia+"; charset=utf-8; header=present")
	h.Set("Content-Disposition", `attachment; filename="`+member+`.csv"`)
	w.columns = x.columns()
	if x.older() {
		w.columns = x.olderColumns(w.columns)
	}
	w.table = csv.NewWriter(&w.text)
	w.table.UseCRLF = true
	names := make([]string, len(w.columns))
	for i, c := range w.columns {
		names[i] = strings.Join(c, ".")
	}
	_ = w.table.Write(names) // into memory
	return w
}

// writePage writes the elements of a page, and returns the cursor of the next one. That keeps a processor busy.
func (w *exportWriter) writePage(ctx context.Context, page []byte, member string) (next string, err error) {
	if err := w.x.router.decodes.take(ctx, w.x.Party()); err != nil {
		return "", err
	}
	defer w.x.router.decodes.give(w.x.Party())
	elements, next, err := elementsOf(page, member)
	for _, e := range elements {
		if err := w.write(e); err != nil {
			return next, err
		}
	}
	return next, err
}

func (w *exportWriter) write(element []byte) error {
	if w.table == nil {
		if err := stdjson.Compact(&w.text, element); err != nil {
			return err
		}
		return w.text.WriteByte('\n')
	}
	d := stdjson.NewDecoder(bytes.NewReader(element))
	d.UseNumber()
	var value any
	if err := d.Decode(&value); err != nil {
		return err
	}
	row := make([]string, len(w.columns))
	for i, column := range w.columns {
		row[i] = cell(valueAt(value, column))
	}
	return w.table.Write(row)
}

func (w *exportWriter) flush() error {
	if w.table != nil {
		w.table.Flush()
	}
	_ = w.control.SetWriteDeadline(time.Now().Add(lineWriteTimeout)) // not every connection has one
	if _, err := w.x.Writer.Write(w.text.Bytes()); err != nil {
		return err
	}
	w.text.Reset()
	return w.control.Flush()
}

// plainNumber is what a spreadsheet takes for a number.
var plainNumber = regexp.MustCompile(`^-?[0-9]+(\.[0-9]+)?$`)

// formula has the characters by which a spreadsheet knows a formula. Some take the full-width ones for the same.
const formula = "=+-@\t\r\n＝＋－＠"

// cell is a value as a table has it. Lists, and objects without members of their own, are JSON. A text that a
// spreadsheet would take for a formula begins with an apostrophe, by which it stays a text.
func cell(value any) string {
	text, _ := value.(string)
	switch v := value.(type) {
	case nil, string:
	case stdjson.Number:
		return v.String()
	case bool:
		return strconv.FormatBool(v)
	default:
		b, err := stdjson.Marshal(v)
		if err != nil {
			return ""
		}
		return string(b) // it begins with a bracket
	}
	if first, _ := utf8.DecodeRuneInString(text); text != "" && strings.ContainsRune(formula, first) && !plainNumber.MatchString(text) {
		return "'" + text
	}
	return text
}
