package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"
)

// handler answers one request. What it returns is answered as a problem; nil means that it has
// written its answer itself. ctx ends with the request's time limit.
type handler func(ctx context.Context, x *exchange) error

// exchange is one request on its way to an answer. It is used again for another request as soon as
// the handler has returned, so nothing keeps it.
type exchange struct {
	*gin.Context
	api       *API
	requestID string
	// caller is the name of the API key; empty when the API is open.
	caller string
	// orderID is what the request is about, for the log; the zero id when it is not about one order.
	orderID uuid.UUID
	// cause is what went wrong, for the log.
	cause error
	// bad collects what is wrong with the request.
	bad []fieldError

	decoder decoder
	in      []byte // the body as it came
	out     []byte // an answer while it is written
}

// buffersMax is how large a used buffer may be to be kept for the next request.
const buffersMax = 128 << 10

var exchanges = sync.Pool{New: func() any { return new(exchange) }}

func newExchange(a *API, c *gin.Context) *exchange {
	x := exchanges.Get().(*exchange)
	*x = exchange{Context: c, api: a, bad: x.bad[:0], decoder: decoder{bad: x.decoder.bad[:0]}, in: x.in[:0], out: x.out[:0]}
	return x
}

func (x *exchange) release() {
	if cap(x.in) > buffersMax || cap(x.out) > buffersMax {
		return
	}
	// Nothing of one request may be held, or seen, by the next.
	clear(x.in[:cap(x.in)])
	clear(x.out[:cap(x.out)])
	clear(x.bad[:cap(x.bad)])
	clear(x.decoder.bad[:cap(x.decoder.bad)])
	*x = exchange{bad: x.bad[:0], decoder: decoder{bad: x.decoder.bad[:0]}, in: x.in[:0], out: x.out[:0]}
	exchanges.Put(x)
}

// blame notes that a parameter or a header is wrong.
func (x *exchange) blame(in, field, format string, args ...any) {
	if len(x.bad) < errorsMax {
		x.bad = append(x.bad, fieldError{In: in, Field: field, Message: fmt.Sprintf(format, args...)})
	}
}

// invalid is the problem that names everything blamed so far, nil when nothing is.
func (x *exchange) invalid() error { return invalid(x.bad) }

// id reads a parameter of the path that is a UUID. A wrong one is noted.
func (x *exchange) id(name string) uuid.UUID {
	s := x.Param(name)
	// Only the canonical form: uuid.Parse takes braces and a URN as well.
	id, err := uuid.Parse(s)
	if err != nil || len(s) != 36 {
		x.blame(inPath, name, "must be a UUID such as 8a6e0804-2bd0-4672-b79d-d97027f9071a, got %q", clip(s))
		return uuid.UUID{}
	}
	return id
}

// body reads the request's body as text. Errors: unsupported_media_type, body_too_large.
func (x *exchange) body() (string, error) {
	if err := x.checkMediaType(); err != nil {
		return "", err
	}
	limit := x.api.limits.BodyBytesMax
	length := x.Request.ContentLength
	if length > limit {
		return "", x.tooLarge()
	}
	if need := int(max(length, 512)) + 1; cap(x.in) < need {
		x.in = make([]byte, 0, need)
	}
	for {
		if len(x.in) == cap(x.in) {
			x.in = append(x.in, 0)[:len(x.in)]
		}
		n, err := x.Request.Body.Read(x.in[len(x.in):cap(x.in)])
		x.in = x.in[:len(x.in)+n]
		switch {
		case int64(len(x.in)) > limit:
			return "", x.tooLarge()
		case errors.Is(err, io.EOF):
			return string(x.in), nil
		case err != nil:
			p := newProblem(codeTimeout, "the body did not arrive in full")
			p.Status, p.cause, p.retryAfter = http.StatusRequestTimeout, err, 0
			return "", p
		}
	}
}

func (x *exchange) tooLarge() error {
	// The rest of the body is not worth reading.
	x.Writer.Header().Set("Connection", "close")
	return newProblem(codeBodyTooLarge, fmt.Sprintf("a body has at most %d bytes", x.api.limits.BodyBytesMax))
}

func (x *exchange) checkMediaType() error {
	h := x.Request.Header
	if encoding := h.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return newProblem(codeMediaType, "a body has no content encoding here")
	}
	contentType := h.Get("Content-Type")
	if contentType == "application/json" {
		return nil
	}
	media, parameters, err := mime.ParseMediaType(contentType)
	charset, ok := parameters["charset"]
	if err != nil || media != "application/json" || ok && !strings.EqualFold(charset, "utf-8") {
		return newProblem(codeMediaType, "the body must be application/json in UTF-8")
	}
	return nil
}

// decode reads the body strictly, as one JSON value that read takes. What is wrong with it goes to
// x.bad; an error is returned when it could not be read at all.
func (x *exchange) decode(read func(d *decoder)) error {
	body, err := x.body()
	if err != nil {
		return err
	}
	if err := x.decoder.decode(body, func() { read(&x.decoder) }); err != nil {
		return malformed(err)
	}
	x.bad = append(x.bad, x.decoder.bad...)
	return nil
}

// check adds what the domain finds wrong with the body.
func (x *exchange) check(err error) {
	if err != nil {
		x.bad = appendInvalids(x.bad, err)
	}
}

// checkText notes a text of the body that is missing, too long or not printable.
func (x *exchange) checkText(field, value string, lengthMax int) {
	switch problem := textProblem(value, lengthMax); {
	case problem == "", x.blamed(field):
	default:
		x.bad = append(x.bad, fieldError{In: inBody, Field: field, Pointer: pointerOf(field), Message: problem})
	}
}

// blamed reports whether a field of the body is known to be wrong already.
func (x *exchange) blamed(field string) bool {
	for _, b := range x.bad {
		if b.In == inBody && covers(b.Field, field) {
			return true
		}
	}
	return false
}

// json answers with v.
func (x *exchange) json(status int, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode the answer: %w", err)
	}
	x.answer(status, body)
	return nil
}

var jsonContentType = []string{"application/json"}

// answer writes a JSON text as the answer.
func (x *exchange) answer(status int, body []byte) {
	h := x.Writer.Header()
	h["Content-Type"] = jsonContentType
	// With its length an answer leaves in one piece; without, in chunks of two kilobytes.
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	x.Writer.WriteHeader(status)
	inOnePiece(x.Writer, x.Request, body)
}

// answerNow is [exchange.answer] for what is read most: it leaves before it is counted and logged.
func (x *exchange) answerNow(status int, body []byte) {
	x.answer(status, body)
	x.Writer.Flush()
}
