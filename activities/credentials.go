package activities

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/payments"
)

// noteAccess records whether the gateway takes our credentials, where err says otherwise than the payment's events. The
// access is that of the payment as it was read before the gateway was asked, so the common answer costs nothing.
//
// It returns err. When a refusal can't be recorded, it returns that failure instead: a saga that sees the refusal finds
// it in the events.
func (a *Activities) noteAccess(ctx context.Context, orderID uuid.UUID, access payment.Access, at time.Time, err error) error {
	var refusal *domain.Error
	switch {
	case errors.Is(err, payments.ErrCredentials) && !access.Refused():
		if recordErr := a.changeAccess(ctx, orderID, "refused", access.Refusals+1, at, payment.RefuseCredentials); recordErr != nil {
			return recordErr
		}
	case access.Refused() && (err == nil || errors.As(err, &refusal)):
		if recordErr := a.changeAccess(ctx, orderID, "accepted", access.Refusals, at, payment.AcceptCredentials); recordErr != nil {
			return recordErr
		}
	}
	return err
}

func (a *Activities) changeAccess(
	ctx context.Context, orderID uuid.UUID, what string, refusal int, at time.Time,
	decide func(payment.Payment, uuid.UUID, time.Time) []domain.Event,
) error {
	st := stamp(ctx, fmt.Sprintf("credentials/%s/%s/%d", orderID, what, refusal), orderID, at)
	return changeAggregate(ctx, a, paymentAggregate, payment.ID(orderID), st, func(p payment.Payment) ([]domain.Event, error) {
		return decide(p, orderID, at), nil
	})
}
