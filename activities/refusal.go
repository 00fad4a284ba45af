package activities

import (
	"errors"
	"unicode/utf8"

	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/catalog"
	"github.com/orderloom/orderloom/payments"
	"go.temporal.io/sdk/temporal"
)

// Refusal returns err as the sagas and their callers see it. A refusal of the domain becomes a non-retryable
// application error whose type is the domain's code; the details go with it. What it blames goes before them, as
// [domain.Invalids]: the parts of the input that are wrong, for whoever has sent it. Any other error is returned as it
// is, and the step is tried again.
//
// A gateway that refuses our credentials is an error of the type gateway_credentials ([CodeGatewayCredentials]), so
// that it can be shown. The step is tried again: somebody mends them.
//
// A gateway that is not asked, because it does not answer at present, is an error of the type gateway_unavailable
// ([CodeGatewayUnavailable]). It tells the server when to try the step again.
//
// The error about an event of a newer program is tried again too. There may be such events while versions change, and
// they say nothing about the order. What is returned is valid UTF-8, because Temporal takes no other text.
func Refusal(err error, details ...any) error {
	var refused *domain.Error
	var invalid domain.Invalids
	var turnedAway *payments.TurnedAwayError
	switch {
	case domain.Code(err) == catalog.CodeUnknownEvent:
	case errors.Is(err, payments.ErrCredentials):
		return temporal.NewApplicationErrorWithCause(payments.ErrCredentials.Error(), string(CodeGatewayCredentials), err, details...)
	case errors.As(err, &turnedAway):
		return temporal.NewApplicationErrorWithOptions(domain.Valid(err.Error()), string(CodeGatewayUnavailable),
			temporal.ApplicationErrorOptions{NextRetryDelay: turnedAway.RetryAfter, Details: details})
	case errors.As(err, &refused):
		if refused.Field != "" {
			details = append([]any{domain.Invalids{refused}}, details...)
		}
		return temporal.NewNonRetryableApplicationError(refused.Message, string(refused.Code), nil, details...)
	case errors.As(err, &invalid):
		return temporal.NewNonRetryableApplicationError(invalid.Message(), string(domain.CodeInvalid), nil, append([]any{invalid}, details...)...)
	case err != nil && !utf8.ValidString(err.Error()):
		return errors.New(domain.Valid(err.Error()))
	}
	return err
}

// CodeGatewayRefused is [payments.CodeGatewayRefused], for the sagas.
const CodeGatewayRefused = payments.CodeGatewayRefused

// CodeGatewayCredentials is the type of a step's error while its gateway refuses our credentials.
const CodeGatewayCredentials domain.ErrorCode = "gateway_credentials"

// CodeGatewayUnavailable is the type of a step's error when its gateway is not asked, because it does not answer.
const CodeGatewayUnavailable domain.ErrorCode = "gateway_unavailable"

// isRefusal reports whether err is a refusal with this code.
func isRefusal(err error, code domain.ErrorCode) bool {
	var app *temporal.ApplicationError
	return errors.As(err, &app) && app.Type() == string(code)
}
