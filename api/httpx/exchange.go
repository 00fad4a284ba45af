package httpx

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"
	"github.com/orderloom/orderloom/access"
	"github.com/orderloom/orderloom/api/version"
)

// Handler answers one request. What it returns is answered as a problem; nil means that it has written its
// answer itself. Ctx ends with the request's time limit.
type Handler func(ctx context.Context, x *Exchange) error

// Exchange is one request on its way to an answer. It serves another request as soon as the handler has
// returned, so nothing may keep it.
type Exchange struct {
	*gin.Context
	// RequestID is the X-Request-Id of the answer.
	RequestID string
	// record is that of an audited request, and denied is true of one that its caller may not make.
	record *access.AuditEntry
	denied bool
	// version is what request and answer have; empty without versions.
	version version.Version
	// Caller is who calls; nil on routes that are open to everyone.
	Caller *access.Caller
	// Out is a buffer for an answer; whoever appends to it stores the result here.
	Out []byte

	router    *Router
	operation *operation
	// begun is true while the request holds a slot, and turned while it holds a turn.
	begun, turned bool
	// reads tells that the request asks the database once its body is there, and received that the body is.
	reads, received bool
	// party is what limits know a stranger or a customer by; empty until it is asked for.
	party string
	// subject is what the request is about, for the log; the zero id when it is not about one thing.
	subject     uuid.UUID
	subjectName string
	// cause is what went wrong, for the log.
	cause error
	// waited is how long the request has waited because its caller asked for that.
	waited time.Duration
	// bad collects what is wrong with parameters and headers.
	bad   []FieldError
	query map[string][]string
	// fields are the members that are shown; nil for all.
	fields selection
	reader textReader
	in     []byte // the body as it came
}

// buffersMax is how large a used buffer may be to be kept for the next request.
const buffersMax = 128 << 10

var exchanges = sync.Pool{New: func() any { return new(Exchange) }}

func newExchange(r *Router, o *operation, c *gin.Context) *Exchange {
	x, _ := exchanges.Get().(*Exchange)
	x.Context, x.router, x.operation = c, r, o
	return x
}

// release makes the exchange ready for another request. Nothing of one request may be held, or seen, by the next.
func (x *Exchange) release() {
	if cap(x.in) > buffersMax || cap(x.Out) > buffersMax {
		return
	}
	clear(x.in[:cap(x.in)])
	clear(x.Out[:cap(x.Out)])
	clear(x.bad[:cap(x.bad)])
	x.reader.forget()
	x.Context, x.router, x.operation = nil, nil, nil
	x.RequestID, x.Caller, x.record, x.denied, x.party, x.version = "", nil, nil, false, "", ""
	x.reads, x.received, x.waited = false, false, 0
	x.subject, x.subjectName, x.cause, x.query, x.fields = uuid.UUID{}, "", nil, nil, nil
	x.bad, x.in, x.Out = x.bad[:0], x.in[:0], x.Out[:0]
	exchanges.Put(x)
}

// Waited says that the request has waited so long because its caller asked for that. It is no part of the time that the
// metric shows, which tells how fast the platform answers.
func (x *Exchange) Waited(d time.Duration) { x.waited += d }

// About tells log and trace what the request is about, such as ("order_id", id).
func (x *Exchange) About(name string, id uuid.UUID) { x.subjectName, x.subject = name, id }

// Subject is what the request is about; the zero id when nothing was said.
func (x *Exchange) Subject() uuid.UUID { return x.subject }

// Note keeps an error for the log that does not change the answer.
func (x *Exchange) Note(err error) { x.cause = err }

// Blame notes that a parameter or a header is wrong; see [Exchange.Invalid]. Each is blamed once.
func (x *Exchange) Blame(in, field, format string, args ...any) {
	blamed := slices.ContainsFunc(x.bad, func(e FieldError) bool { return e.In == in && e.Field == field })
	if !blamed && len(x.bad) < errorsMax {
		x.bad = append(x.bad, FieldError{In: in, Field: field, Message: fmt.Sprintf(format, args...)})
	}
}

// Invalid is the problem that names everything blamed so far, nil when nothing is.
func (x *Exchange) Invalid() error { return Invalid(x.bad) }

// JSON answers with v.
func (x *Exchange) JSON(status int, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode the answer: %w", err)
	}
	x.Answer(status, body)
	return nil
}

// largeAnswer is the size of answers, in bytes, of which only some of a caller are on their way at once. They lie in
// memory until the client has taken them.
const largeAnswer = 64 << 10

var jsonContentType = []string{"application/json"}

// Answer writes a JSON text as the answer.
func (x *Exchange) Answer(status int, body []byte) {
	body = x.back(status, "application/json", x.sparse(status, body))
	x.Waits()
	if len(body) > largeAnswer {
		if err := x.router.large.Take(x.Party()); err != nil {
			AsProblem(err).write(x)
			return
		}
		defer x.router.large.Give(x.Party())
	}
	h := x.Writer.Header()
	h["Content-Type"] = jsonContentType
	// With its length an answer leaves in one piece; without, in chunks of two kilobytes.
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	x.Writer.WriteHeader(status)
	_, _ = x.Writer.Write(body) // a client that has gone needs no answer
}

// AnswerNow is [Exchange.Answer] for what is read most: it leaves before it is counted and logged.
func (x *Exchange) AnswerNow(status int, body []byte) {
	x.Answer(status, body)
	x.Writer.Flush()
}

// AppendText appends s as a JSON string.
func AppendText(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= 0x7f {
			text, _ := json.Marshal(s) // a string always has a JSON form
			return append(b, text...)
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}

// begin takes a slot for the request, once. Errors: rate_limited, overloaded.
func (x *Exchange) begin() error {
	if x.begun {
		return nil
	}
	err := x.router.slots.Take(x.Party())
	x.begun = err == nil
	return err
}

// takeTurn waits until the request may keep a processor or the database busy. Error: that of ctx.
func (x *Exchange) takeTurn(ctx context.Context) error {
	if x.turned {
		return nil
	}
	err := x.router.turns.take(ctx, x.Party())
	x.turned = err == nil
	return err
}

// Turn waits until the request may ask the database for a while. Give ends that, once. It is for requests that wait in
// between, and have said so by [Exchange.Waits]. Error: that of ctx.
func (x *Exchange) Turn(ctx context.Context) (give func(), err error) {
	party, turns := x.Party(), x.router.turns
	if err := turns.take(ctx, party); err != nil {
		return nil, err
	}
	return func() { turns.give(party) }, nil
}

// Waits says that the request waits from here on, for its client or for something else than the database. Others may
// work meanwhile.
func (x *Exchange) Waits() {
	if x.turned {
		x.turned = false
		x.router.turns.give(x.Party())
	}
}

// finish gives the slot back.
func (x *Exchange) finish() {
	x.Waits()
	if x.begun {
		x.begun = false
		x.router.slots.Give(x.Party())
	}
}

// Party is who limits are for: the caller where it is known, and otherwise the address that it calls from. Failed
// authentications are counted by the same.
func (x *Exchange) Party() string {
	if x.Caller != nil && x.Caller != access.Anyone && x.Caller.CustomerID == "" {
		return x.Caller.ID
	}
	if x.party == "" {
		if x.Caller != nil && x.Caller != access.Anyone { // a shop chooses the ids of its customers
			x.party = x.Caller.Account + "\x00" + x.Caller.CustomerID
		} else {
			x.party = access.Network(x.router.clientAddress(x.Request)).String()
		}
	}
	return x.party
}

// Account is whose Idempotency-Keys and external references the request uses; empty for an open API.
func (x *Exchange) Account() string {
	if x.Caller == nil {
		return ""
	}
	return x.Caller.Account
}
