package httpx

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/internal/failure"
)

// Kind of problem: the code that programs compare, and what people read about it.
type Kind struct {
	Code   domain.ErrorCode
	Status int
	Title  string
	// About explains on the problem's page what happened and what to do.
	About string
}

// Problem is the body of every answer that is no success: a problem detail (RFC 9457). It is an error, so that
// handlers return it.
type Problem struct {
	// Type is /problems/ and the code: the address of a page about this kind of problem.
	Type   string           `json:"type"`
	Title  string           `json:"title"`
	Status int              `json:"status"`
	Detail string           `json:"detail,omitempty"`
	Code   domain.ErrorCode `json:"code"`
	// RequestID is the X-Request-Id of the answer.
	RequestID string `json:"request_id"`
	// Errors names every wrong part of the request.
	Errors []FieldError `json:"errors,omitempty"`
	// Position is where a body stops being JSON.
	Position *Position `json:"position,omitempty"`
	// Extensions are further members (RFC 9457, section 3.2).
	Extensions map[string]any `json:",embed"`

	// RetryAfter is when to try again; 0 does not say.
	RetryAfter time.Duration `json:"-"`
	cause      error         // for the log, never for the answer
}

func (p *Problem) Error() string { return string(p.Code) + ": " + p.Detail }

// Unwrap returns the cause.
func (p *Problem) Unwrap() error { return p.cause }

// NewProblem returns a problem of a kind.
func NewProblem(k Kind, detail string) *Problem {
	p := &Problem{Type: "/problems/" + string(k.Code), Title: k.Title, Status: k.Status, Detail: detail, Code: k.Code}
	if k.Status == http.StatusServiceUnavailable || k.Status == http.StatusTooManyRequests {
		p.RetryAfter = time.Second
	}
	return p
}

// Because keeps the cause of a problem for the log. It is never part of the answer.
func (p *Problem) Because(cause error) *Problem {
	p.cause = cause
	return p
}

// Extend sets a further member of the problem.
func (p *Problem) Extend(member string, value any) *Problem {
	if p.Extensions == nil {
		p.Extensions = map[string]any{}
	}
	p.Extensions[member] = value
	return p
}

// Invalid returns the problem that names these errors, nil when there are none.
func Invalid(bad []FieldError) error {
	if len(bad) == 0 {
		return nil
	}
	p := NewProblem(KindInvalid, "")
	p.Errors = slices.Clone(bad[:min(len(bad), errorsMax)])
	p.Detail = detailOf(len(p.Errors))
	return p
}

// detailOf says how many things are wrong.
func detailOf(wrong int) string {
	if wrong == 1 {
		return "one thing is wrong"
	}
	return strconv.Itoa(wrong) + " things are wrong"
}

// InvalidQuery returns the problem that blames parameters of the query for what the domain found wrong.
func InvalidQuery(err error) error {
	var bad []FieldError
	for _, e := range invalidsOf(err) {
		bad = append(bad, FieldError{In: InQuery, Field: e.Field, Message: e.Message})
	}
	return Invalid(bad)
}

// InvalidBody returns the problem that names what the domain found wrong with the body.
func InvalidBody(err error) *Problem {
	p := NewProblem(KindInvalid, "")
	var one *domain.Error
	if errors.As(err, &one) {
		p.Detail = one.Message
	}
	bad := invalidsOf(err)
	for _, e := range bad[:min(len(bad), errorsMax)] {
		p.Errors = append(p.Errors, FieldError{In: InBody, Field: e.Field, Pointer: pointerOf(locationOf(e.Field)), Message: e.Message})
	}
	if p.Detail == "" && len(p.Errors) > 0 {
		p.Detail = detailOf(len(p.Errors))
	}
	return p
}

// malformed returns the problem of a body that is not JSON.
func malformed(err error) error {
	p := NewProblem(KindMalformedJSON, err.Error())
	var syntax *syntaxError
	if errors.As(err, &syntax) {
		p.Position = &syntax.Position
	}
	return p
}

// AsProblem turns what a handler returned into what is answered. What a server behind this one has said becomes what
// its class of errors means ([failure.Table]). Anything but a problem and what the domain finds invalid is told in
// general terms only, because it may hold what callers must not see.
func AsProblem(err error) *Problem {
	var p *Problem
	switch {
	case errors.As(err, &p):
		return p
	case domain.Code(err) == domain.CodeInvalid:
		p = InvalidBody(err)
	default:
		p = ofServer(err)
	}
	return p.Because(err)
}

// ofServer returns the problem of an error that is no refusal.
func ofServer(err error) *Problem {
	switch failure.Of(err) {
	case failure.Passes:
		return NewProblem(KindUnavailable, "")
	case failure.Late:
		return NewProblem(KindTimeout, "")
	case failure.Value:
		return NewProblem(KindInvalid, "a value of the request is beyond what can be stored or compared")
	default: // what is missing or known already is the business of who has asked
		return NewProblem(KindInternal, "")
	}
}

// write answers with the problem.
func (p *Problem) write(x *Exchange) {
	p.RequestID = x.RequestID
	h := x.Writer.Header()
	if p.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(int(p.RetryAfter/time.Second)))
	}
	if p.Status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Bearer realm="orderloom"`)
	}
	h.Del("ETag")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Type", "application/problem+json")
	x.Writer.WriteHeader(p.Status)
	body, err := json.Marshal(p, json.Deterministic(true))
	if err != nil {
		x.cause = errors.Join(x.cause, err)
		return
	}
	_, _ = x.Writer.Write(x.back(p.Status, "application/problem+json", body)) // a client that has gone needs no answer
}
