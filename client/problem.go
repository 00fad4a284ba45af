package client

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Problem is a refusal of the API: a problem detail (RFC 9457).
type Problem struct {
	// Type is the address of a page that explains this kind of problem, relative to the API.
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	// Detail says what is wrong with this request, for people.
	Detail string `json:"detail,omitempty"`
	// Code is the last part of Type. It is stable. It is empty when something between client and API has answered.
	Code Code `json:"code"`
	// RequestID finds the request in the API's log.
	RequestID string `json:"request_id"`
	// Errors is everything that is wrong with the request.
	Errors []FieldError `json:"errors,omitempty"`
	// Position is where a body stops being JSON.
	Position *Position `json:"position,omitempty"`
	// MissingScopes are the scopes that the caller lacks.
	MissingScopes []string `json:"missing_scopes,omitempty"`
	// KnownVersions are the versions of the API, the newest first, where a request has named another one.
	KnownVersions []string `json:"known_versions,omitempty"`
	// Order is where the order stands that refused something.
	Order *OrderState `json:"order,omitempty"`
	// Receipt, Adjustment, Location, Refund or Return is what stands under an Idempotency-Key that was used for
	// something else.
	Receipt    *ReceivedStock  `json:"receipt,omitempty"`
	Adjustment *AdjustedStock  `json:"adjustment,omitempty"`
	Location   *Location       `json:"location,omitempty"`
	Refund     *StandingRefund `json:"refund,omitempty"`
	Return     *StandingReturn `json:"return,omitempty"`

	// RetryAfter is how long to wait before another attempt; 0 when the answer does not say.
	RetryAfter time.Duration `json:"-"`
}

// FieldError is one wrong part of a request.
type FieldError struct {
	// In is "body", "query", "path" or "header".
	In string `json:"in"`
	// Field is a path such as items[0].quantity in the body, else the name of a parameter or header.
	Field string `json:"field"`
	// Pointer is the field of a body as a JSON pointer (RFC 6901), such as #/items/0/quantity.
	Pointer string `json:"pointer,omitempty"`
	Message string `json:"message"`
}

// Position is a place in a body.
type Position struct {
	// Offset is the byte, counted from 0.
	Offset int `json:"offset"`
	// Line and Column are counted from 1; Column counts characters.
	Line   int `json:"line"`
	Column int `json:"column"`
}

// Code names a kind of problem.
type Code string

// The codes of problems. GET /problems/<code> explains each.
const (
	CodeMalformedJSON   Code = "malformed_json"
	CodeUnknownVersion  Code = "unknown_version"
	CodeInvalid         Code = "invalid"
	CodeUnauthenticated Code = "unauthenticated"
	CodeTooManyFailures Code = "too_many_failures"
	CodeForbidden       Code = "forbidden"
	CodeTooManyKeys     Code = "too_many_keys"

	CodeTooManyWebhookEndpoints Code = "too_many_webhook_endpoints"
	CodeWebhookEndpointDisabled Code = "webhook_endpoint_disabled"
	CodeTooManyResends          Code = "too_many_resends"

	CodeKeyRevoked           Code = "key_revoked"
	CodeKeyHasNoSecret       Code = "key_has_no_secret"
	CodeNotFound             Code = "not_found"
	CodeShipmentNotFound     Code = "shipment_not_found"
	CodeRouteNotFound        Code = "route_not_found"
	CodeMethodNotAllowed     Code = "method_not_allowed"
	CodeBodyTooLarge         Code = "body_too_large"
	CodeUnsupportedMediaType Code = "unsupported_media_type"
	CodeIdempotencyKeyReused Code = "idempotency_key_reused"
	CodePreconditionFailed   Code = "precondition_failed"
	CodeNotCancellable       Code = "not_cancellable"
	CodeAlreadyCancelled     Code = "already_cancelled"
	CodeNotUnderWay          Code = "not_under_way"
	CodeNotDispatchable      Code = "not_dispatchable"
	CodeNotDeliverable       Code = "not_deliverable"
	CodeAlreadyDispatched    Code = "already_dispatched"
	CodeAlreadyEnded         Code = "already_ended"
	CodeInsufficientStock    Code = "insufficient_stock"
	CodeLocationExists       Code = "location_exists"
	CodeTooManyLocations     Code = "too_many_locations"
	CodeNothingLeft          Code = "nothing_left"
	CodeNotAmendable         Code = "not_amendable"
	CodeReferenceTaken       Code = "external_reference_taken"
	CodeTooManyNotes         Code = "too_many_notes"
	CodeNotEditable          Code = "not_editable"
	CodeEditDeclined         Code = "edit_declined"
	CodeOutOfStock           Code = "out_of_stock"
	CodeEditUnderWay         Code = "edit_under_way"
	CodePaymentMethodNotKept Code = "payment_method_not_kept"
	CodeCountryFixed         Code = "country_fixed"
	CodeContactsUnindexed    Code = "contacts_unindexed"
	CodeNotHeld              Code = "not_held"
	CodeAlreadyReviewed      Code = "already_reviewed"
	CodeNotReturnable        Code = "not_returnable"
	CodeNoTimer              Code = "no_timer"
	CodeLiveMode             Code = "live_mode"
	CodeReturnWindowClosed   Code = "return_window_closed"
	CodeReturnNotApproved    Code = "return_not_approved"
	CodeReturnDecided        Code = "return_decided"
	CodeTooManyReturns       Code = "too_many_returns"
	CodeExchangeDeclined     Code = "exchange_declined"
	CodeActionNotPossible    Code = "action_not_possible"
	CodeRefundExceedsCapture Code = "refund_exceeds_capture"
	CodeRefundUnderWay       Code = "refund_under_way"
	CodePaymentDisputed      Code = "payment_disputed"
	CodePaymentRequired      Code = "payment_required"
	CodePaymentNotRequired   Code = "payment_not_required"
	CodePaymentUnderWay      Code = "payment_under_way"
	CodeGatewayRefused       Code = "gateway_refused"
	CodeRefused              Code = "refused"
	CodeUnknownEvent         Code = "unknown_event"
	CodeNotVisibleYet        Code = "not_visible_yet"
	CodeTooOld               Code = "too_old"
	CodeCursorLost           Code = "cursor_lost"
	CodeStoreUnconfirmed     Code = "store_unconfirmed"
	CodeRateLimited          Code = "rate_limited"
	CodeOverloaded           Code = "overloaded"
	CodeUnavailable          Code = "unavailable"
	CodeTimeout              Code = "timeout"
	CodeInternal             Code = "internal"
)

// CodeOf returns the code of the problem that err holds, empty when it holds none.
func CodeOf(err error) Code {
	var p *Problem
	if errors.As(err, &p) {
		return p.Code
	}
	return ""
}

// Error tells the status, the code, and all that is wrong.
func (p *Problem) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d", p.Status)
	for _, part := range []string{string(p.Code), p.Detail} {
		if part != "" {
			b.WriteString(" " + part)
		}
	}
	for i, e := range p.Errors {
		separator := "; "
		if i == 0 {
			separator = ": "
		}
		b.WriteString(separator + e.Field + " " + e.Message)
	}
	return b.String()
}

// detailBytesMax bounds what is kept of an answer that is no problem detail, such as a proxy's page.
const detailBytesMax = 300

// problemOf reads a refusal.
func problemOf(response *http.Response, content []byte) *Problem {
	p := &Problem{}
	media, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type"))
	if media != "application/problem+json" || !readProblem(content, p) {
		text := bytes.ToValidUTF8(content[:min(len(content), detailBytesMax)], nil)
		*p = Problem{Title: http.StatusText(response.StatusCode), Detail: strings.TrimSpace(string(text))}
	}
	p.Status = response.StatusCode
	if p.RequestID == "" {
		p.RequestID = response.Header.Get("X-Request-Id")
	}
	p.RetryAfter = retryAfter(response.Header)
	return p
}

// readProblem reads a problem detail. A member that a later API has in another form is left out: the code and what it
// says to people are worth more.
func readProblem(content []byte, p *Problem) bool {
	if json.Unmarshal(content, p) == nil {
		return true
	}
	var members map[string]json.RawMessage
	if json.Unmarshal(content, &members) != nil {
		return false
	}
	*p = Problem{}
	for name, value := range members {
		before := *p
		if member, err := json.Marshal(map[string]json.RawMessage{name: value}); err != nil || json.Unmarshal(member, p) != nil {
			*p = before
		}
	}
	return true
}

// retryAfterMax is what a longer Retry-After counts as.
const retryAfterMax = math.MaxInt32 * time.Second

// retryAfter reads Retry-After, which is in seconds or a date (RFC 9110, section 10.2.3).
func retryAfter(h http.Header) time.Duration {
	value := h.Get("Retry-After")
	seconds, err := strconv.ParseUint(value, 10, 31)
	switch {
	case err == nil:
		return time.Duration(seconds) * time.Second
	case errors.Is(err, strconv.ErrRange):
		return retryAfterMax
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(time.Until(at), 0)
	}
	return 0
}
