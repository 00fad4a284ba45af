package activities_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/activities"
	"github.com/orderloom/orderloom/domain"
)

// Fails where a token that nobody can open is recorded, and then tried again without end.
func TestProvidingPaymentByATokenThatNobodyCanOpen(t *testing.T) {
	t.Parallel()
	o := setup(t).order(t).confirmed()
	provide := func() error {
		_, err := run(o, o.ProvidePayment, activities.ProvidePayment{
			OrderID: o.id, CustomerID: "cus_1", RequestID: uuid.New(), RequestHash: "h", Token: domain.Sealed{Key: "cus_1:1"}, Amount: total, At: at,
		})
		return err
	}
	o.requireUnchanged(func() { requireRefused(t, domain.CodeInvalid, provide()) })
	o.vault.down = true
	o.requireUnchanged(func() { requireRetryable(t, provide()) })
}
