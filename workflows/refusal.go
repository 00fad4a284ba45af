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
	bad := blamed(app)
	switch {
	case len(bad) == 0:
		return domain.Refuse(code, "%s", app.Message())
	case code == domain.CodeInvalid:
		return bad
	}
	return bad[0]
}

// blamed returns what a refusal blames; nothing where its details are of another form.
//
// The details of a step's refusal are read by the data converter that they came through. Nothing else can read them:
// with keys they are encrypted, and so is the message of the failure. The details of a refusal by the saga itself are
// values, and the SDK panics when these are of another type.
func blamed(app *temporal.ApplicationError) (bad domain.Invalids) {
	defer func() {
		if recover() != nil {
			bad = nil
		}
	}()
	if !app.HasDetails() || app.Details(&bad) != nil {
		return nil
	}
	return bad
}
