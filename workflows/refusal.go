package workflows

import (
	"errors"

	"github.com/orderloom/orderloom/domain"
	"go.temporal.io/sdk/temporal"
)

// Refused returns the refusal that [activities.Refusal] has made an application error of, with all that it blames. It
// returns nil for any other error.
func Refused(err error) error {
	var app *temporal.ApplicationError
	if !errors.As(err, &app) || app.Type() == "" {
		return nil
	}
	code := domain.ErrorCode(app.Type())
	var bad domain.Invalids
	if !app.HasDetails() || app.Details(&bad) != nil || len(bad) == 0 { // the details of others are of another form
		return domain.Refuse(code, "%s", app.Message())
	}
	if code == domain.CodeInvalid {
		return bad
	}
	return bad[0]
}
