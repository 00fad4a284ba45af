package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/inventory"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/payments"
	"github.com/orderloom/orderloom/readmodel"
	"github.com/orderloom/orderloom/sagaclient"
	"github.com/orderloom/orderloom/workflows"
)

// kind of problem: the code that programs compare, and what people read about it. Each has a page
// at /problems/<code>, which is also its type (RFC 9457, section 3.1.1).
type problemKind struct {
	Code   domain.ErrorCode
	Status int
	Title  string
	// About explains on the problem's page what happened and what to do.
	About string
}

// The codes of problems. The domain's refusals keep the domain's codes.
const (
	codeMalformedJSON     domain.ErrorCode = "malformed_json"
	codeInvalid                            = domain.CodeInvalid
	codeSignature                          = payments.CodeSignature
	codeUnauthenticated   domain.ErrorCode = "unauthenticated"
	codeNotFound                           = domain.CodeNotFound
	codeShipmentNotFound                   = order.CodeShipmentNotFound
	codeRouteNotFound     domain.ErrorCode = "route_not_found"
	codeMethodNotAllowed  domain.ErrorCode = "method_not_allowed"
	codeBodyTooLarge      domain.ErrorCode = "body_too_large"
	codeMediaType         domain.ErrorCode = "unsupported_media_type"
	codeKeyReused                          = domain.CodeIdempotencyKeyReused
	codeNotCancellable                     = order.CodeNotCancellable
	codeNotDispatchable                    = order.CodeNotDispatchable
	codeNotDeliverable                     = order.CodeNotDeliverable
	codeInsufficientStock                  = inventory.CodeInsufficientStock
	codeNothingLeft                        = order.CodeNothingLeft
	codeNotAmendable                       = order.CodeNotAmendable
	codeCountryFixed                       = order.CodeCountryFixed
	codeNotHeld                            = order.CodeNotHeld
	codeAlreadyReviewed                    = workflows.CodeAlreadyReviewed
	codeNotReturnable                      = order.CodeNotReturnable
	codeWindowClosed                       = order.CodeReturnWindowClosed
	codeRefundTooLarge                     = payment.CodeRefundExceedsCapture
	codeGatewayRefused                     = payments.CodeGatewayRefused
	codeRefused           domain.ErrorCode = "refused"
	codeNotVisibleYet                      = readmodel.CodeNotVisibleYet
	codeTooOld                             = readmodel.CodeTooOld
	codeOverloaded        domain.ErrorCode = "overloaded"
	codeUnavailable       domain.ErrorCode = "unavailable"
	codeTimeout           domain.ErrorCode = "timeout"
	codeInternal          domain.ErrorCode = "internal"
)

var problemKinds = []problemKind{
	{
		codeMalformedJSON, http.StatusBadRequest, "The body is not JSON",
		"The body can't be read as one JSON text (RFC 8259) in UTF-8. The position tells where reading stopped: the byte, " +
			"counted from 0, and the line and column, counted from 1.",
	},
	{
		codeInvalid, http.StatusUnprocessableEntity, "The request holds something wrong",
		"The request can be read, but one or more of its members, parameters or headers are wrong. The errors list names all of" +
			" them at once, each with its place and what would be right. Nothing was started and nothing was stored: correct the " +
			"request and send it again.",
	},
	{
		codeSignature, http.StatusBadRequest, "The webhook is not signed as it should be",
		"The signature does not belong to this body, or to another time. A webhook is signed with the secret of its " +
			"endpoint, over the body byte for byte: both sides must know the same secret, and their clocks be at most five " +
			"minutes apart.",
	},
	{
		codeUnauthenticated, http.StatusUnauthorized, "The API key is missing or unknown",
		"Send the key as “Authorization: Bearer <key>”.",
	},
	{
		codeNotFound, http.StatusNotFound, "There is no such thing",
		"Nothing with this id was ever accepted here.",
	},
	{
		codeShipmentNotFound, http.StatusNotFound, "The order has no such shipment",
		"The order exists, but none of its shipments has this id. Shipments are planned when the order is confirmed; the order " +
			"lists them.",
	},
	{
		codeRouteNotFound, http.StatusNotFound, "There is no such route",
		"No route of this API has this path. The documentation at /docs lists all of them.",
	},
	{
		codeMethodNotAllowed, http.StatusMethodNotAllowed, "The route does not know this method",
		"The path exists, with other methods: the Allow header of the answer lists them.",
	},
	{
		codeBodyTooLarge, http.StatusRequestEntityTooLarge, "The body is too large",
		"The body is larger than anything this route could use.",
	},
	{
		codeMediaType, http.StatusUnsupportedMediaType, "The body is not declared as JSON",
		"Send the body as “Content-Type: application/json”, in UTF-8 and without a content encoding.",
	},
	{
		codeKeyReused, http.StatusUnprocessableEntity, "The Idempotency-Key belongs to another request",
		"Something was created under this Idempotency-Key before, by a request that said something else. A retry sends the very" +
			" same request; a new request needs a new key.",
	},
	{
		codeNotCancellable, http.StatusConflict, "The order can't be cancelled any more",
		"A shipment has left the warehouse, and from then on nothing can be called back. The order member tells where the order " +
			"stands.",
	},
	{
		codeNotDispatchable, http.StatusConflict, "The shipment can't be dispatched",
		"Only a confirmed order's shipments can leave. The order member tells where the order stands.",
	},
	{
		codeNotDeliverable, http.StatusConflict, "The shipment can't be delivered",
		"The shipment has not left yet: it is dispatched first. The order member tells where the order stands.",
	},
	{
		codeInsufficientStock, http.StatusConflict, "There is not enough stock for that",
		"The adjustment would take away what is reserved for orders.",
	},
	{
		codeNothingLeft, http.StatusConflict, "Nothing of the order would be left",
		"To take everything out of an order is to cancel it: use the route for that.",
	},
	{
		codeNotAmendable, http.StatusConflict, "The address can't be changed any more",
		"A shipment has left with the address it had, or the order is cancelled. The order member tells where the order stands.",
	},
	{
		codeCountryFixed, http.StatusConflict, "The country of an order can't be changed",
		"Another country may mean another warehouse and another price. Cancel the order and place a new one.",
	},
	{
		codeNotHeld, http.StatusConflict, "The order waits for no review",
		"Only an order that a rule has held is approved or rejected. The order member tells where the order stands.",
	},
	{
		codeAlreadyReviewed, http.StatusConflict, "The review is made already",
		"Someone has decided on this order before.",
	},
	{
		codeNotReturnable, http.StatusConflict, "The order can't be returned yet",
		"Goods come back once the order is delivered; before that, the order is cancelled, or a shipment refused.",
	},
	{
		codeWindowClosed, http.StatusConflict, "The time for returns is over",
		"Goods can be returned within 30 days of their delivery.",
	},
	{
		codeRefundTooLarge, http.StatusConflict, "There is not so much to refund",
		"No more can go back than was captured and not refunded yet.",
	},
	{
		codeGatewayRefused, http.StatusConflict, "The payment gateway refuses to move the money",
		"It will not change its mind by itself: someone has to look at the payment at the gateway.",
	},
	{
		codeRefused, http.StatusConflict, "A rule of the business refuses that",
		"The request is well-formed, but not possible as things stand. The detail says why.",
	},
	{
		codeNotVisibleYet, http.StatusServiceUnavailable, "The order has not reached this version yet",
		"The order exists, but min_version asks for a later version than there is. Ask again after the time in Retry-After, or " +
			"without min_version.",
	},
	{
		codeTooOld, http.StatusGone, "The changes since then are not kept any more",
		"The stream was left too long ago to go on where it stopped. Read the orders that matter once more, and follow the " +
			"stream from now on, without Last-Event-ID.",
	},
	{
		codeOverloaded, http.StatusServiceUnavailable, "Too many requests at once",
		"The request was refused before anything was done. Repeat it after the time in Retry-After.",
	},
	{
		codeUnavailable, http.StatusServiceUnavailable, "Something this needs can't be reached",
		"A server behind this API does not answer. Repeat the request after the time in Retry-After; a POST with an " +
			"Idempotency-Key, under the same key.",
	},
	{
		codeTimeout, http.StatusServiceUnavailable, "It took too long",
		"The request was given up after its time limit, and whether it took effect is not known. Repeat it after the time in " +
			"Retry-After; a POST with an Idempotency-Key, under the same key.",
	},
	{
		codeInternal, http.StatusInternalServerError, "Something went wrong here",
		"That is our fault. The request_id finds the cause in our log.",
	},
}

func kindOf(code domain.ErrorCode) problemKind {
	if i := slices.IndexFunc(problemKinds, func(k problemKind) bool { return k.Code == code }); i >= 0 {
		return problemKinds[i]
	}
	return problemKind{}
}

// problem is the body of every answer that is no success: a problem detail (RFC 9457) with the
// extension members below. It is an error, so that handlers return it.
type problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail,omitempty"`
	// Code is the last part of Type.
	Code domain.ErrorCode `json:"code"`
	// RequestID is the X-Request-Id of the answer.
	RequestID string `json:"request_id"`
	// Errors names every wrong part of the request.
	Errors []fieldError `json:"errors,omitempty"`
	// Position is where a body stops being JSON.
	Position *syntaxError `json:"position,omitempty"`
	// Order is where the order stands that refused something.
	Order *orderState `json:"order,omitempty"`

	retryAfter time.Duration
	cause      error // for the log, never for the answer
}

// Places of what can be wrong in a request.
const (
	inBody   = "body"
	inQuery  = "query"
	inPath   = "path"
	inHeader = "header"
)

// fieldError is one wrong part of a request.
type fieldError struct {
	// In is "body", "query", "path" or "header".
	In string `json:"in"`
	// Field is a path such as items[0].quantity in a body, else a parameter's or header's name.
	Field string `json:"field"`
	// Pointer is the field of a body as a JSON pointer (RFC 6901) in the form of a URI fragment.
	Pointer string `json:"pointer,omitempty"`
	Message string `json:"message"`
}

func (p *problem) Error() string { return string(p.Code) + ": " + p.Detail }
func (p *problem) Unwrap() error { return p.cause }

// newProblem returns a problem of a kind that is in the list.
func newProblem(code domain.ErrorCode, detail string) *problem {
	k := kindOf(code)
	if k.Code == "" {
		panic("api: no kind of problem is called " + string(code))
	}
	p := &problem{Type: "/problems/" + string(code), Title: k.Title, Status: k.Status, Detail: detail, Code: code}
	if k.Status == http.StatusServiceUnavailable {
		p.retryAfter = time.Second
	}
	return p
}

// invalid returns the problem that names these errors, nil when there are none.
func invalid(bad []fieldError) error {
	if len(bad) == 0 {
		return nil
	}
	p := newProblem(codeInvalid, "")
	p.Errors = slices.Clone(bad)
	if p.Detail = "one thing is wrong"; len(bad) > 1 {
		p.Detail = strconv.Itoa(len(bad)) + " things are wrong"
	}
	return p
}

// malformed returns the problem of a body that is not JSON.
func malformed(err error) error {
	p := newProblem(codeMalformedJSON, err.Error())
	errors.As(err, &p.Position)
	return p
}

// asProblem turns what a handler returned into what is answered. A refusal keeps its words; anything
// else is told in general terms only, because it may hold what is nobody's business.
func asProblem(err error) *problem {
	var p *problem
	var refusal *domain.Error
	var invalids domain.Invalids
	switch {
	case errors.As(err, &p):
		return p
	case errors.As(err, &invalids):
		p = newProblem(codeInvalid, "")
		p.Errors = appendInvalids(nil, invalids)
	case errors.As(err, &refusal) && refusal.Code == codeInvalid:
		p = newProblem(codeInvalid, refusal.Message)
		p.Errors = appendInvalids(nil, domain.Invalids{refusal})
	case errors.As(err, &refusal):
		code := refusal.Code
		if k := kindOf(code); k.Code == "" || k.Status >= http.StatusInternalServerError {
			code = codeRefused
		}
		p = newProblem(code, refusal.Message)
	case errors.Is(err, sagaclient.ErrUnavailable):
		p = newProblem(codeUnavailable, "orders can't be taken or changed for the moment")
		p.retryAfter = 5 * time.Second
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		p = newProblem(codeTimeout, "")
	default:
		p = newProblem(codeInternal, "")
	}
	p.cause = err
	return p
}

// unavailable marks err, which a server behind this one has caused, as one that passes.
func unavailable(err error) error {
	if err == nil || domain.Code(err) != "" || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return err
	}
	p := newProblem(codeUnavailable, "")
	p.cause = err
	return p
}

// appendInvalids adds what the domain found wrong with a body. What lies at or below a part that is
// blamed already says nothing new: a missing item has no quantity either.
func appendInvalids(bad []fieldError, err error) []fieldError {
	var invalids domain.Invalids
	if !errors.As(err, &invalids) {
		var one *domain.Error
		if !errors.As(err, &one) {
			return bad
		}
		invalids = domain.Invalids{one}
	}
	before := len(bad)
	for _, e := range invalids {
		covered := slices.ContainsFunc(bad[:before], func(b fieldError) bool { return b.In == inBody && covers(b.Field, e.Field) })
		twice := slices.ContainsFunc(bad[before:], func(b fieldError) bool { return b.Field == e.Field })
		if !covered && !twice && len(bad) < errorsMax {
			bad = append(bad, fieldError{In: inBody, Field: e.Field, Pointer: pointerOf(e.Field), Message: e.Message})
		}
	}
	return bad
}

// covers reports whether field is path or lies below it.
func covers(path, field string) bool {
	return path == "" || strings.HasPrefix(field, path) && (len(field) == len(path) || field[len(path)] == '.' || field[len(path)] == '[')
}

// pointerOf turns a path such as items[0].quantity into #/items/0/quantity.
func pointerOf(field string) string {
	if field == "" {
		return "#"
	}
	return "#/" + strings.NewReplacer("].", "/", "[", "/", "]", "", ".", "/").Replace(field)
}

// write answers with the problem.
func (p *problem) write(x *exchange) {
	p.RequestID = x.requestID
	h := x.Writer.Header()
	if p.retryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(int(p.retryAfter/time.Second)))
	}
	if p.Status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Bearer realm="orderloom"`)
	}
	h.Del("ETag")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Type", "application/problem+json")
	x.Writer.WriteHeader(p.Status)
	body, err := json.Marshal(p)
	if err != nil {
		x.cause = errors.Join(x.cause, err)
		return
	}
	_, _ = x.Writer.Write(body)
}
