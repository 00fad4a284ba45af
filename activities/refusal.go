package activities

import (
	"errors"

	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/catalog"
	"go.temporal.io/sdk/temporal"
)

// Refusal returns err as the sagas and their callers see it: a refusal of the domain becomes a non-retryable
// application error whose type is the domain's code. Any other error is returned as it is, and the step is tried again.
//
// So is the error about an event of a newer program, as there may be while versions change: it says nothing about the
// order. Details go with a refusal.
func Refusal(err error, details ...any) error {
	var refused *domain.Error
	var invalid domain.Invalids
	switch {
	case domain.Code(err) == catalog.CodeUnknownEvent:
	case errors.As(err, &refused):
		return temporal.NewNonRetryableApplicationError(refused.Message, string(refused.Code), nil, details...)
	case errors.As(err, &invalid):
		return temporal.NewNonRetryableApplicationError(invalid.Message(), string(domain.CodeInvalid), nil, details...)
	}
	return err
}

// isRefusal reports whether err is a refusal with this code.
func isRefusal(err error, code domain.ErrorCode) bool {
	var app *temporal.ApplicationError
	return errors.As(err, &app) && app.Type() == string(code)
}
