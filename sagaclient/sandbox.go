package sagaclient

import (
	"context"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/workflows"
)

// AdvanceClock sets the clock of an order for trying to when the next timer of its saga goes off. It waits until what
// is due then is done. It may be repeated under the same request id, however late.
//
// Errors: no_timer; live_mode; otherwise as [Client.CancelOrder].
func (c *Client) AdvanceClock(ctx context.Context, orderID uuid.UUID, r workflows.AdvanceRequest) (workflows.OrderState, error) {
	return c.updateOrder(ctx, orderID, workflows.AdvanceClock, r, r)
}

// AdvanceEnded is [Client.AdvanceClock] for an order that has ended and has no saga: returns of it may wait.
func (c *Client) AdvanceEnded(ctx context.Context, in workflows.AdvanceInput) error {
	_, err := runSaga(ctx, c, "advance-"+in.OrderID.String()+"-"+in.RequestID.String(), "Advances the clock of an order", workflows.AdvanceSaga, in, nil)
	return err
}

// ConfirmAtBank plays the customer at the bank of a gateway for trying. Error: gateway_refused for a payment that does
// not wait for it.
func (c *Client) ConfirmAtBank(ctx context.Context, in workflows.BankConfirmation) error {
	_, err := runSaga(ctx, c, "confirm-"+in.OrderID.String()+"-"+uuid.NewString(), "A person confirms, or declines to", workflows.ConfirmationSaga, in, nil)
	return err
}
