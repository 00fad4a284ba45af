package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	stdjson "encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/orderloom/orderloom/api/httpx"
	"github.com/orderloom/orderloom/api/version"
	"github.com/orderloom/orderloom/domain"
)

const (
	// importAtOnce is how many lines of an import are worked on at once.
	importAtOnce = 8
	// importWait is how long a line is tried again that was refused because of too much work, or an outage.
	importWait = time.Minute
	// importKeyMax bounds the key of a line, in characters.
	importKeyMax = 255
)

// importLine is a line of an import. One of the last three says what it asks for.
type importLine struct {
	// Key tells the line apart from others of the same import, for ever.
	Key        string         `json:"key"`
	Order      jsontext.Value `json:"order"`
	Receipt    jsontext.Value `json:"receipt"`
	Adjustment jsontext.Value `json:"adjustment"`
}

// importResult is what became of a line.
type importResult struct {
	// Line is counted from 1, with empty lines.
	Line     int    `json:"line"`
	Key      string `json:"key,omitempty"`
	Status   int    `json:"status"`
	Replayed bool   `json:"replayed,omitempty"`
	// Result is what the line's request is answered by itself: the order, the receipt, or the problem.
	Result stdjson.RawMessage `json:"result"`
}

// importEnd is the last line of an answer. Without it the answer was cut off, and the import is to be sent again.
type importEnd struct {
	Done   bool `json:"done"`
	Lines  int  `json:"lines"`
	Failed int  `json:"failed"`
}

func (a *API) importRoutes() []httpx.Route {
	return []httpx.Route{
		{Method: "POST", Path: "/api/v1/orders/import", Unbounded: true, Endless: true, Handle: a.importOrders},
		{Method: "POST", Path: "/api/v1/stock/import", Unbounded: true, Endless: true, Handle: a.importStock},
	}
}

// importOrders places an order for each line: POST /api/v1/orders/import.
func (a *API) importOrders(ctx context.Context, x *httpx.Exchange) error {
	return a.importLines(ctx, x, func(l importLine) (path string, body jsontext.Value) {
		return "/api/v1/orders", l.Order
	})
}

// importStock records a receipt or an adjustment for each line: POST /api/v1/stock/import.
func (a *API) importStock(ctx context.Context, x *httpx.Exchange) error {
	return a.importLines(ctx, x, func(l importLine) (path string, body jsontext.Value) {
		if l.Receipt != nil {
			return "/api/v1/stock/receipts", l.Receipt
		}
		return "/api/v1/stock/adjustments", l.Adjustment
	})
}

// importLines carries out a request for each line, and answers with what became of each, in their order and as soon as
// it is known.
//
// Each line is a request of its own, to the route that takes it alone. So the same rules hold, the same scopes, rates
// and shares. Its Idempotency-Key follows from that of the import and the line's own. So an import that was cut off is
// sent again, and what was done is answered as such. A line that was begun is carried to its end, whether or not the
// client is still there. When the client does not take results, no more lines are read.
func (a *API) importLines(ctx context.Context, x *httpx.Exchange, requestOf func(importLine) (path string, body jsontext.Value)) error {
	if err := x.WantLines(); err != nil {
		return err
	}
	if x.IdempotencyKey() == "" {
		x.Blame(httpx.InHeader, "Idempotency-Key", "is required: by it an import that was cut off goes on")
		return x.Invalid()
	}
	if err := a.imports.Take(x.Party()); err != nil {
		return err
	}
	defer a.imports.Give(x.Party())
	in, out := x.Lines(), x.LineWriter()
	i := importer{api: a, request: x.Request.Clone(context.WithoutCancel(ctx)), key: x.IdempotencyKey(), id: x.RequestID, version: x.Version(), of: requestOf}
	// The answer of each line, in their order. Its length bounds what is worked on.
	answers := make(chan chan importResult, importAtOnce-1)
	reading, stop := context.WithCancel(ctx)
	var watch sync.WaitGroup
	watch.Go(func() {
		select {
		case <-a.drained:
		case <-reading.Done():
		}
		in.Stop()
	})
	defer watch.Wait() // the connection is another request's afterwards
	defer stop()
	go func() {
		defer close(answers)
		for n := 1; reading.Err() == nil && !a.draining(); n++ {
			text, err := in.Next()
			var problem *httpx.Problem
			switch {
			case errors.As(err, &problem): // the line is too long, and passed over
			case err != nil:
				return
			case len(bytes.TrimSpace(text)) == 0:
				continue
			}
			answer := make(chan importResult, 1)
			select {
			case answers <- answer:
			case <-reading.Done():
				return
			}
			if problem != nil {
				answer <- i.refused(importResult{Line: n}, problem)
				continue
			}
			line := bytes.Clone(text)
			go func() { answer <- i.carryOut(reading, n, line) }()
		}
	}()
	end := importEnd{Done: true}
	for answer := range answers {
		r := <-answer
		if end.Lines++; r.Status >= http.StatusBadRequest {
			end.Failed++
		}
		if out.Write(r) != nil {
			stop()
		}
	}
	if in.Ended() && out.Err() == nil { // else it was cut off
		_ = out.Write(end) // a client that has gone needs no answer
	}
	return nil
}

// importer carries out the lines of one import.
type importer struct {
	api     *API
	request *http.Request
	key, id string
	version version.Version
	of      func(importLine) (path string, body jsontext.Value)
}

// carryOut carries a line out, and tries it again while there is too much work, or an outage.
func (i importer) carryOut(ctx context.Context, n int, text []byte) importResult {
	r := importResult{Line: n}
	var line importLine
	err := json.Unmarshal(text, &line, json.RejectUnknownMembers(true))
	if r.Key = line.Key; err != nil {
		return i.refused(r, noLine(err))
	}
	path, body := i.of(line)
	switch {
	case line.Key == "" || len(line.Key) > importKeyMax:
		return i.refused(r, httpx.InvalidBody(domain.Invalids{domain.Invalid("key", "is required, and has at most %d bytes", importKeyMax)}))
	case body == nil:
		return i.refused(r, httpx.InvalidBody(domain.Invalids{domain.Invalid("", "the line asks for nothing that this import is for")}))
	case line.asks() > 1:
		return i.refused(r, httpx.InvalidBody(domain.Invalids{domain.Invalid("", "the line asks for more than one thing")}))
	}
	for begun := time.Now(); ; {
		answer := i.ask(path, body, line.Key, n)
		r.Status, r.Result, r.Replayed = answer.Status, answer.Body.Bytes(), answer.Header().Get("Idempotent-Replayed") != ""
		passing := r.Status == http.StatusTooManyRequests || r.Status == http.StatusServiceUnavailable
		seconds, _ := strconv.Atoi(answer.Header().Get("Retry-After"))
		wait := max(time.Duration(seconds)*time.Second, 100*time.Millisecond)
		if !passing || time.Since(begun)+wait > importWait {
			return r
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return r
		}
	}
}

// asks counts what the line asks for.
func (l *importLine) asks() (n int) {
	for _, body := range []jsontext.Value{l.Order, l.Receipt, l.Adjustment} {
		if body != nil {
			n++
		}
	}
	return n
}

// noLine is the problem of a text that is no line of an import.
func noLine(err error) *httpx.Problem {
	var semantic *json.SemanticError
	var syntactic *jsontext.SyntacticError
	var at jsontext.Pointer
	var message string
	switch {
	case errors.As(err, &semantic) && errors.Is(err, json.ErrUnknownName):
		at, message = semantic.JSONPointer, "is not known here"
	case errors.As(err, &semantic):
		at, message = semantic.JSONPointer, "is not what the document allows"
	case errors.As(err, &syntactic) && errors.Is(err, jsontext.ErrDuplicateName):
		at, message = syntactic.JSONPointer, "stands twice"
	case errors.As(err, &syntactic):
		return httpx.NewProblem(httpx.KindMalformedJSON,
			fmt.Sprintf("the line is no JSON from byte %d on: %s", syntactic.ByteOffset+1, domain.Clip(domain.Valid(syntactic.Err.Error()))))
	default:
		return httpx.NewProblem(httpx.KindMalformedJSON, "the line is no JSON: "+domain.Clip(domain.Valid(err.Error())))
	}
	return httpx.InvalidBody(domain.Invalids{domain.Invalid(at.LastToken(), "%s", message)})
}

// ask sends the request of a line to its route.
func (i importer) ask(path string, body []byte, key string, n int) *httpx.Captured {
	r := i.request.Clone(i.request.Context())
	r.Method, r.URL.Path, r.URL.RawPath, r.URL.RawQuery, r.RequestURI = http.MethodPost, path, "", "", path
	r.Body, r.ContentLength, r.TransferEncoding = httpx.BodyOf(body), int64(len(body)), nil
	r.Header = http.Header{}
	for _, name := range []string{"Authorization", "X-Forwarded-For", "Traceparent", "Tracestate"} {
		if v, ok := i.request.Header[name]; ok {
			r.Header[name] = v
		}
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Idempotency-Key", lineKey(i.key, key))
	r.Header.Set("X-Request-Id", i.id+"/"+strconv.Itoa(n))
	r.Header.Set(version.Header, string(i.version))
	w := httpx.NewCaptured()
	i.api.router.ServeHTTP(w, r)
	return w
}

// lineKey is the Idempotency-Key of a line: of any other line, and any other import, it is another one.
func lineKey(of, line string) string {
	sum := sha256.Sum256([]byte(strconv.Itoa(len(of)) + " " + of + line))
	return "import-" + hex.EncodeToString(sum[:])
}

// refused is the result of a line that is no request.
func (i importer) refused(r importResult, p *httpx.Problem) importResult {
	p.RequestID = i.id + "/" + strconv.Itoa(r.Line)
	r.Status = p.Status
	r.Result, _ = json.Marshal(p, json.Deterministic(true)) // a problem has a JSON form
	return r
}
