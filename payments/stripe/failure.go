package stripe

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/payments"
	api "github.com/stripe/stripe-go/v85"
)

// failure is what Stripe answered instead of what was asked for, in words that may be shown. The library's
// own error would print the client secret.
type failure struct {
	doing string
	// status is the HTTP status; 0 when there was no answer.
	status                                int
	kind, code, decline, param, requestID string
	// replayed is true of an answer that Stripe has kept under the idempotency key: the request has ended before.
	replayed bool
	// intent is what a declined payment left behind.
	intent *api.PaymentIntent
	cause  error
}

// Error returns "stripe: capture: HTTP 400 invalid_request_error amount_too_large (req_…)".
func (f *failure) Error() string {
	if f.status == 0 {
		return fmt.Sprintf("stripe: %s: %v", f.doing, f.cause)
	}
	s := fmt.Sprintf("stripe: %s: HTTP %d %s", f.doing, f.status, f.kind)
	for _, word := range []string{f.code, f.decline, f.param} {
		if word != "" {
			s += " " + word
		}
	}
	return s + " (" + f.requestID + ")"
}

// Unwrap returns why there was no answer.
func (f *failure) Unwrap() error { return f.cause }

// replayedHeader is "true" in the answer to a request that Stripe has answered before.
const replayedHeader = "Idempotent-Replayed"

// errUnreadable stands for an answer that is no JSON, such as a proxy's page.
var errUnreadable = errors.New("the answer can't be read")

// failed returns err as a failure, nil for none.
func failed(doing string, err error) *failure {
	if err == nil {
		return nil
	}
	var answer *api.Error
	if errors.As(err, &answer) {
		return &failure{
			doing: doing, status: answer.HTTPStatusCode, kind: string(answer.Type), code: string(answer.Code), decline: string(answer.DeclineCode),
			param: answer.Param, requestID: answer.RequestID, intent: answer.PaymentIntent,
			replayed: answer.LastResponse != nil && answer.LastResponse.Header.Get(replayedHeader) == "true",
		}
	}
	var transport *url.Error
	if errors.As(err, &transport) {
		return &failure{doing: doing, cause: transport.Err} // without the URL
	}
	return &failure{doing: doing, cause: errUnreadable}
}

// unknown reports whether the request may have taken effect although it failed, or did so with another
// content. What became of it is then looked up. Without any answer the key is enough.
func (f *failure) unknown() bool {
	return f.status >= http.StatusInternalServerError || f.keyTaken()
}

// keyTaken reports whether the key belongs to a request with another content, which has ended; one that
// is still under way is a 409.
func (f *failure) keyTaken() bool {
	return f.kind == string(api.ErrorTypeIdempotency) && f.status == http.StatusBadRequest
}

// spends reports whether the key of the request is of no use any more: Stripe repeats for a day what failed
// for a passing reason, or refuses the request as it is now. What was asked for under the key has ended. AskedAt is as
// in [payments.CaptureRequest].
func (f *failure) spends(now, askedAt time.Time) bool {
	return f.replayed && !f.refusal() || f.keyTaken() && now.Sub(askedAt) >= requestLife
}

// keysMax is how many keys a request is made under at most, before Stripe has forgotten the first.
const keysMax = 5

// nthKey is the key of a request after n-1 others that Stripe has failed under.
func nthKey(key string, n int) string {
	if n == 1 {
		return key
	}
	return fmt.Sprintf("%s/%d", key, n)
}

// refusal reports whether Stripe understood the request and says no.
func (f *failure) refusal() bool {
	if f.code == string(api.ErrorCodeBalanceInsufficient) {
		return false // somebody can fill the account
	}
	return f.status == http.StatusPaymentRequired ||
		(f.status == http.StatusBadRequest || f.status == http.StatusNotFound) && f.kind == string(api.ErrorTypeInvalidRequest) &&
			f.code != string(api.ErrorCodeParameterUnknown) && f.code != string(api.ErrorCodeLockTimeout)
}

// asError returns the failure as the contract of [payments.Gateway] has it.
func (f *failure) asError() error {
	if f.refusal() {
		refused := domain.Refuse(payments.CodeGatewayRefused, "Stripe refuses to %s: %s", f.doing, firstWord(f.decline, f.code, f.kind))
		refused.Err = f
		return refused
	}
	return f.noAnswer()
}

// noAnswer returns the failure as an unknown outcome, and says whether it is for our credentials.
func (f *failure) noAnswer() error {
	if f.status == http.StatusUnauthorized || f.status == http.StatusForbidden {
		return payments.NoAnswer(fmt.Errorf("%w: %w", payments.ErrCredentials, f))
	}
	return payments.NoAnswer(f)
}

// refuse is a refusal of our own.
func refuse(format string, args ...any) error {
	return domain.Refuse(payments.CodeGatewayRefused, format, args...)
}

func firstWord(words ...string) string {
	for _, w := range words {
		if w != "" {
			return w
		}
	}
	return ""
}
