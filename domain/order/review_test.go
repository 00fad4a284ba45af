package order_test

import (
	"testing"

	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/stretchr/testify/require"
)

func TestAnOrderIsReviewedOnce(t *testing.T) {
	t.Parallel()
	placed := must(t, order.Order{}, place(item("A", 1, "1")))
	held := apply(placed, []domain.Event{order.OrderHeld{Rule: "amount"}})
	approved, rejected := must(t, held, review("ann", true)), must(t, held, review("ann", false))
	require.Equal(t, "ann", approved.ApprovedBy)
	require.Equal(t, order.StatusCancelled, rejected.Status)
	require.Equal(t, order.ReasonReviewRejected, rejected.CancelReason)
	require.Equal(t, "ann", rejected.RejectedBy)
	for name, c := range map[string]struct {
		o       order.Order
		by      string
		approve bool
		code    domain.ErrorCode
	}{
		"approved, once more":               {approved, "ann", true, ""},
		"approved, by another":              {approved, "bob", true, "already_reviewed"},
		"approved, then rejected":           {approved, "ann", false, "already_reviewed"},
		"approved, cancelled and once more": {must(t, approved, cancel), "ann", true, ""},
		"rejected, once more":               {rejected, "ann", false, ""},
		"rejected, by another":              {rejected, "bob", false, "already_reviewed"},
		"rejected, then approved":           {rejected, "ann", true, "already_reviewed"},
		"never held":                        {placed, "ann", true, "not_held"},
		"cancelled before":                  {must(t, held, cancel), "ann", false, "not_held"},
		"by nobody":                         {held, " ", true, domain.CodeInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			events, err := review(c.by, c.approve)(c.o)
			require.Equal(t, c.code, domain.Code(err))
			require.Empty(t, events)
			if c.code == "already_reviewed" {
				require.ErrorContains(t, err, "by ann")
			}
		})
	}
	_, err := order.Cancel(rejected, order.CancelOrder{Reason: order.ReasonReviewRejected, By: order.ByOperator, At: at})
	require.EqualValues(t, "already_cancelled", domain.Code(err), "to reject an order is more than to cancel it")
}
