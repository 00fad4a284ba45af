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
	require.Equal(t, []string{"body:by"}, b.post(t, orderPath("/approve"), `{}`).problem(t, http.StatusUnprocessableEntity, codeInvalid).fields())
	require.Equal(t, []string{"body:by"}, b.post(t, orderPath("/reject"), `{"by": " x"}`).problem(t, http.StatusUnprocessableEntity, codeInvalid).fields())
	require.True(t, b.untouched())
	b.givenOrder(t, order.StatusConfirmed, order.ShipmentStatusPlanned)
	for _, code := range []domain.ErrorCode{codeNotHeld, codeAlreadyReviewed} {
		t.Run(string(code), func(t *testing.T) {
			b.cancelErr = domain.Refuse(code, "because")
			b.post(t, orderPath("/approve"), `{"by": "office"}`).problem(t, http.StatusConflict, code)
		})
	}
	b.cancelErr = domain.Refuse(codeNotFound, "no open saga")
	b.post(t, orderPath("/reject"), `{"by": "office"}`).problem(t, http.StatusConflict, codeNotHeld)
}
