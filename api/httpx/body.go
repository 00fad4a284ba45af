package httpx

import (
	"context"
	stdjson "encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/orderloom/orderloom/domain"
	"github.com/shopspring/decimal"
)

// Checker is a body with rules that no schema can express. Check gives members that were left out their
// defaults, and returns what the domain finds wrong as [domain.Invalids], nil when nothing is.
type Checker interface{ Check() error }

// Body makes a handler of one that takes the request's body as a *T.
//
// The body is read strictly, and checked against the schema of the route in the document, together with the request's
// parameters. When T is a [Checker], the domain checks it as well. What is wrong by the domain and by the document is
// named together. Only a body without fault reaches the handler. An optional body that is not sent is the zero T.
func Body[T any](handle func(ctx context.Context, x *Exchange, body *T) error) Handler {
	return func(ctx context.Context, x *Exchange) error {
		body := new(T)
		if _, err := x.decode(ctx, body); err != nil {
			return err
		}
		if x.reads {
			if err := x.takeTurn(ctx); err != nil {
				return err
			}
		}
		return handle(ctx, x, body)
	}
}

// BodyOrAgain is [Body] for a request that may be repeated for ever, also once other rules hold. What the domain finds
// wrong with is given to again, as it was sent. It reports whether it has answered the request: one that was taken
// before is answered as it was then.
func BodyOrAgain[T any](
	handle func(ctx context.Context, x *Exchange, body *T) error, again func(ctx context.Context, x *Exchange, body *T) (bool, error),
) Handler {
	return func(ctx context.Context, x *Exchange) error {
		body := new(T)
		allowed, err := x.decode(ctx, body)
		if err == nil {
			return handle(ctx, x, body)
		}
		sent := new(T)
		if !allowed || x.DecodeAsSent(sent) != nil {
			return err
		}
		if answered, errAgain := again(ctx, x, sent); answered || errAgain != nil {
			return errAgain
		}
		return err
	}
}

// DecodeAsSent decodes a body that the document allows once more, as it was sent. V is a pointer to a struct.
func (x *Exchange) DecodeAsSent(v any) error { return json.Unmarshal(x.in, v, decodeOptions) }

// decode reads the body into v, a pointer to a struct. Errors: unsupported_media_type, body_too_large, timeout,
// malformed_json; invalid, which names all that is wrong with the request. Allowed tells that the document allows the
// request, so that only the domain can have found something wrong.
func (x *Exchange) decode(ctx context.Context, v any) (allowed bool, err error) {
	var value any
	f := &x.reader.faults
	if x.Request.ContentLength == 0 && !x.operation.bodyRequired {
		if err := x.begin(); err != nil {
			return false, err
		}
	} else {
		text, err := x.ReadBody()
		if err != nil {
			return false, err
		}
		if err := x.router.decodes.take(ctx, x.Party()); err != nil {
			return false, err
		}
		defer x.router.decodes.give(x.Party())
		if value, err = x.reader.read(text); err != nil {
			return false, malformed(err)
		}
		newer, err := x.forward(x.operation.name, value)
		switch {
		case err != nil:
			return false, fmt.Errorf("bring the body forward: %w", err)
		case newer != nil:
			text, x.in = newer, newer
		}
		x.router.contract.check(x.operation.body, value, f)
		if len(*f) > 0 {
			decodeRest(value, *f, v)
		} else if err := json.Unmarshal(text, v, decodeOptions); err != nil {
			return false, fmt.Errorf("decode a body that the document allows: %w", err)
		}
	}
	allowed = len(x.bad)+len(*f) == 0
	if checker, ok := v.(Checker); ok {
		f.addInvalids(checker.Check())
	}
	x.bad = append(x.bad, f.fieldErrors(value)...)
	return allowed, x.Invalid()
}

// decodeRest decodes what is left of a value without its faults, so that the domain can say what is wrong with
// the rest as well. What the rest lacks is the zero value.
func decodeRest(value any, f faults, v any) {
	for _, fault := range f {
		value = withoutValue(value, fault.location)
	}
	text, err := stdjson.Marshal(value) // it knows the numbers of a value
	if err == nil {
		// What can't be decoded for yet another reason stays zero as well.
		_ = json.Unmarshal(text, v, json.WithUnmarshalers(readings))
	}
}

// withoutValue returns the value with null at a location.
func withoutValue(value any, location []string) any {
	if len(location) == 0 {
		return nil
	}
	switch holder := valueAt(value, location[:len(location)-1]).(type) {
	case map[string]any:
		if _, ok := holder[location[len(location)-1]]; ok {
			holder[location[len(location)-1]] = nil
		}
	case []any:
		if i, ok := index(location[len(location)-1], len(holder)); ok {
			holder[i] = nil
		}
	}
	return value
}

// decodeOptions hold a body to the members of its struct. Numbers are never floats, and times are those of [ParseTime].
var (
	decodeOptions = json.JoinOptions(json.RejectUnknownMembers(true), json.WithUnmarshalers(readings))
	readings      = json.JoinUnmarshalers(
		json.UnmarshalFromFunc(decodeInt), json.UnmarshalFromFunc(decodeDecimal), json.UnmarshalFromFunc(decodeTime),
	)
)

// decodeInt reads a whole number however it is written: 3.0 and 3e0 are whole numbers (JSON Schema 2020-12, section
// 6.1.1 of its core).
func decodeInt(d *jsontext.Decoder, n *int) error {
	token, err := d.ReadToken()
	if err != nil {
		return err
	}
	switch token.Kind() {
	case 'n':
		*n = 0
		return nil
	case '0':
		number, err := exactNumber(token.String())
		if err != nil || !number.IsInteger() || number.BigInt().BitLen() > 62 {
			return fmt.Errorf("%s is no whole number", domain.Clip(token.String()))
		}
		*n = int(number.IntPart())
		return nil
	}
	return errors.New("expected a number")
}

// decodeDecimal reads a decimal number exactly, written as a number or as a text.
func decodeDecimal(d *jsontext.Decoder, n *decimal.Decimal) error {
	token, err := d.ReadToken()
	if err != nil {
		return err
	}
	switch token.Kind() {
	case 'n':
		*n = decimal.Decimal{}
		return nil
	case '0', '"':
		*n, err = exactNumber(token.String())
		return err
	}
	return errors.New("expected a number or a text")
}

// exactNumber parses a number that [textReader.number] has let through, and the texts that schemas allow.
func exactNumber(text string) (decimal.Decimal, error) {
	if isZero(text) {
		return decimal.Decimal{}, nil
	}
	return decimal.NewFromString(text)
}

// ReadBody returns the request's body as it came; it is valid until the handler returns. From then on the request is
// worked on, and counts as that. Errors: unsupported_media_type, body_too_large, timeout, rate_limited, overloaded.
func (x *Exchange) ReadBody() ([]byte, error) {
	if err := x.checkMediaType(); err != nil {
		return nil, err
	}
	if err := x.router.bodies.Take(x.Party()); err != nil {
		return nil, err
	}
	text, err := x.readAll()
	x.router.bodies.Give(x.Party())
	if err == nil {
		err = x.begin()
	}
	return text, err
}

func (x *Exchange) readAll() ([]byte, error) {
	limit := x.router.limits.BodyBytesMax
	length := x.Request.ContentLength
	if length > limit {
		return nil, x.tooLarge()
	}
	// A body that is announced may never come.
	if need := int(min(max(length, 512), bodyBegin)) + 1; cap(x.in) < need {
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
			return nil, x.tooLarge()
		case errors.Is(err, io.EOF):
			x.received = true
			return x.in, nil
		case err != nil:
			return nil, x.brokenOff(err)
		}
	}
}

// brokenOff is the problem of a body that can't be read to its end. One that has not come in full may come another
// time. One whose chunks are not those of HTTP/1.1 (RFC 9112, section 7.1) never will.
func (x *Exchange) brokenOff(err error) *Problem {
	var network net.Error
	if len(x.Request.TransferEncoding) > 0 && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.As(err, &network) {
		return NewProblem(KindMalformedJSON, "the chunks of the body can't be read").Because(err)
	}
	p := NewProblem(KindTimeout, "the body did not arrive in full")
	p.Status, p.RetryAfter = http.StatusRequestTimeout, 0
	return p.Because(err)
}

const (
	// bodyBegin is how many bytes of a body there is room for before any of it has come.
	bodyBegin = 16 << 10
	// leftMax is the largest body of a refused request that is received, to keep its connection. Its rest may take
	// leftWait, as it has come already or is on its way.
	leftMax  = 64 << 10
	leftWait = 100 * time.Millisecond
)

// leaveBody keeps the answer to a request whose body is not wanted from waiting for that. Otherwise the server receives
// it first, and a client that takes its time would hold the connection, beyond any share.
func (x *Exchange) leaveBody() {
	length := x.Request.ContentLength
	switch {
	case x.received || length == 0 || x.Request.ProtoMajor > 1: // HTTP/2 ends the stream alone
	case length < 0 || length > leftMax:
		x.Writer.Header().Set("Connection", "close")
	default:
		_ = http.NewResponseController(x.Writer).SetReadDeadline(time.Now().Add(leftWait)) // not every connection has one
	}
}

func (x *Exchange) tooLarge() error {
	return NewProblem(KindBodyTooLarge, fmt.Sprintf("a body has at most %d bytes", x.router.limits.BodyBytesMax))
}

func (x *Exchange) checkMediaType() error { return x.wantMedia("application/json") }

// wantMedia refuses a body that is not of this type, not in UTF-8, or encoded. Error: unsupported_media_type.
func (x *Exchange) wantMedia(want string) error {
	h := x.Request.Header
	if encoding := h.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return NewProblem(KindMediaType, "a body has no content encoding here")
	}
	contentType := h.Get("Content-Type")
	if contentType == want {
		return nil
	}
	media, parameters, err := mime.ParseMediaType(contentType)
	charset, ok := parameters["charset"]
	if err != nil || media != want || ok && !strings.EqualFold(charset, "utf-8") {
		return NewProblem(KindMediaType, "the body must be "+want+" in UTF-8")
	}
	return nil
}
