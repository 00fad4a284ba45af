package activities

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/order"
)

// AmendAddress is the input of [Activities.AmendAddress].
type AmendAddress struct {
	OrderID    uuid.UUID     `json:"order_id"`
	CustomerID string        `json:"customer_id"`
	Country    string        `json:"country"`
	Personal   domain.Sealed `json:"personal"`
	By         string        `json:"by"`
	// RequestID names this amendment within the order: a UUID, or a number for one that came without. RequestHash
	// stands for what it asks.
	RequestID   string    `json:"request_id"`
	RequestHash string    `json:"request_hash"`
	At          time.Time `json:"at"`
}

// AmendAddress replaces the order's address. An address that nobody can open is refused: the order could not be shown
// any more. Refusals: invalid; not_found; idempotency_key_reused; not_amendable; country_fixed.
func (a *Activities) AmendAddress(ctx context.Context, in AmendAddress) (Changed, error) {
	personal, err := a.vault.Reseal(ctx, in.CustomerID, in.Personal)
	if err == nil {
		err = a.vault.Open(ctx, personal, &json.RawMessage{})
	}
	switch {
	case errors.Is(err, domain.ErrUnreadable), errors.Is(err, domain.ErrErased):
		return Changed{}, Refusal(domain.Invalid("shipping_address", "can't be opened: %s", domain.Clip(err.Error())))
	case err != nil:
		return Changed{}, fmt.Errorf("seal the new address of order %s: %w", in.OrderID, err)
	}
	requestID, err := uuid.Parse(in.RequestID)
	if err != nil {
		requestID = domain.DerivedID(in.OrderID, "amend/"+in.RequestID)
	}
	return a.changeOrder(ctx, in.OrderID, stamp(ctx, "amend/"+in.RequestID, in.OrderID, in.At), func(o order.Order) ([]domain.Event, error) {
		return order.Amend(o, order.AmendAddress{
			RequestID: requestID, RequestHash: in.RequestHash, Country: in.Country, Personal: personal, By: in.By, At: in.At,
		})
	})
}
