package api

import (
	"net/http"
	"testing"

	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/workflows"
	"github.com/stretchr/testify/require"
)

func TestReviewOrder(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.cancelState = workflows.OrderState{OrderID: someOrder, OrderNumber: order.Number(someOrder), Status: order.StatusCreated}
	require.Equal(t, http.StatusOK, b.post(t, orderPath("/approve"), `{"by": "office"}`).status)
	require.Equal(t, http.StatusOK, b.post(t, orderPath("/reject"), `{"by": "office"}`).status)
	require.Equal(t, []any{"true by office", "false by office"}, b.requests)
}

func TestReviewOrderRefuses(t *testing.T) {
	t.Parallel()
	b := setup(t)
	require.Equal(t, []string{"body:by"}, b.post(t, orderPath("/reject"), `{"by": " x"}`).problem(t, http.StatusUnprocessableEntity, codeInvalid).fields())
	require.True(t, b.untouched())
	b.givenOrder(t, order.StatusConfirmed, order.ShipmentStatusPlanned)
	b.cancelErr = domain.Refuse(codeNotHeld, "because")
	b.post(t, orderPath("/approve"), `{"by": "office"}`).problem(t, http.StatusConflict, codeNotHeld)
	b.cancelErr = domain.Refuse(codeNotFound, "no open saga")
	b.post(t, orderPath("/reject"), `{"by": "office"}`).problem(t, http.StatusConflict, codeNotHeld)
}

// The events know who has decided, whatever the saga remembers.
func TestAnOrderThatWasReviewedTellsWho(t *testing.T) {
	t.Parallel()
	for name, saga := range map[string]error{
		"the saga refuses": domain.Refuse(codeNotHeld, "it waits for no review"), "no saga": domain.Refuse(codeNotFound, "no open saga"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.givenOrder(t, order.StatusConfirmed, order.ShipmentStatusPlanned)
			o := b.folds[someOrder]
			o.ApprovedBy = "office"
			b.folds[someOrder], b.cancelErr = o, saga
			again := b.post(t, orderPath("/approve"), `{"by": "office"}`)
			require.Equal(t, http.StatusOK, again.status, again.body)
			require.Equal(t, "true", again.header.Get("Idempotent-Replayed"))
			for _, path := range []string{"/approve", "/reject"} {
				p := b.post(t, orderPath(path), `{"by": "another"}`).problem(t, http.StatusConflict, codeAlreadyReviewed)
				require.Equal(t, "office", p.Order.ApprovedBy)
			}
			b.post(t, orderPath("/reject"), `{"by": "office"}`).problem(t, http.StatusConflict, codeAlreadyReviewed)
		})
	}
}
