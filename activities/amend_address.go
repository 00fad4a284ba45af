package activities

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/eventstore"
)

// AmendAddress is the input of [Activities.AmendAddress].
type AmendAddress struct {
	OrderID    uuid.UUID `json:"order_id"`
	CustomerID string    `json:"customer_id"`
	Country    string    `json:"country"`
	// Personal seals an [order.RecipientChange].
	Personal domain.Sealed `json:"personal"`
	By       string        `json:"by"`
	// RequestID names this amendment within the order: a UUID, or a number for one that came without. RequestHash
	// stands for what it asks.
	RequestID   string    `json:"request_id"`
	RequestHash string    `json:"request_hash"`
	At          time.Time `json:"at"`
}

// errAmendedMeanwhile is the error of an amendment of an order that was amended meanwhile. It is tried again.
var errAmendedMeanwhile = errors.New("the order was amended meanwhile")

// AmendAddress changes the order's recipient: its address, who gets it, where the bill goes, the note. What the change
// leaves out stays as the order has it. A change that nobody can open is refused: the order could not be shown any
// more. Refusals: invalid; not_found; idempotency_key_reused; not_amendable; country_fixed.
func (a *Activities) AmendAddress(ctx context.Context, in AmendAddress) (Changed, error) {
	requestID, err := uuid.Parse(in.RequestID)
	if err != nil {
		requestID = domain.DerivedID(in.OrderID, "amend/"+in.RequestID)
	}
	command := order.AmendAddress{
		RequestID: requestID, RequestHash: in.RequestHash, Country: in.Country, Personal: in.Personal, By: in.By, At: in.At,
	}
	o, _, err := eventstore.Fold(ctx, a.events, orderAggregate, in.OrderID)
	if err != nil {
		return Changed{}, fmt.Errorf("read order %s: %w", in.OrderID, err)
	}
	if events, err := order.Amend(o, command); err != nil || len(events) == 0 {
		return Changed{Replayed: err == nil}, Refusal(err)
	}
	if command.Personal, err = a.amendedRecipient(ctx, o, in); err != nil {
		return Changed{}, Refusal(err)
	}
	return a.changeOrder(ctx, in.OrderID, asked(ctx, "amend/"+in.RequestID, in.OrderID, in.At), func(now order.Order) ([]domain.Event, error) {
		if done, err := now.CarriedOut(command.Request()); err == nil && !done && !sameSealed(now.Personal, o.Personal) {
			return nil, errAmendedMeanwhile
		}
		return order.Amend(now, command)
	})
}

func sameSealed(a, b domain.Sealed) bool { return a.Key == b.Key && bytes.Equal(a.Data, b.Data) }

// amendedRecipient seals the order's recipient with the change. Of an order whose personal data were erased, or can't
// be read, it is what the change has. Errors: invalid; any other is tried again.
func (a *Activities) amendedRecipient(ctx context.Context, o order.Order, in AmendAddress) (domain.Sealed, error) {
	change, err := a.openChange(ctx, in)
	if err != nil {
		return domain.Sealed{}, err
	}
	var text json.RawMessage
	if err := a.vault.Open(ctx, o.Personal, &text); err != nil && !closedForGood(err) {
		return domain.Sealed{}, fmt.Errorf("open the personal data of order %s: %w", in.OrderID, err)
	}
	var recipient order.Recipient
	if json.Unmarshal(text, &recipient) != nil {
		recipient = order.Recipient{}
	}
	if recipient, err = recipient.With(change); err != nil {
		return domain.Sealed{}, err
	}
	sealed, err := a.vault.Seal(ctx, in.CustomerID, recipient)
	if err == nil { // a vault that can't reach its keys seals without the customer's
		sealed, err = a.vault.Reseal(ctx, in.CustomerID, sealed)
	}
	if err != nil {
		return domain.Sealed{}, fmt.Errorf("seal the personal data of order %s: %w", in.OrderID, err)
	}
	return sealed, nil
}

// openChange opens what an amendment asks for. Its errors tell nothing of it.
func (a *Activities) openChange(ctx context.Context, in AmendAddress) (change order.RecipientChange, err error) {
	var text json.RawMessage
	err = a.vault.Open(ctx, in.Personal, &text)
	switch {
	case closedForGood(err):
		return change, domain.Invalid("shipping_address", "can't be opened: %s", domain.Clip(err.Error()))
	case err != nil:
		return change, fmt.Errorf("open what is to change of order %s: %w", in.OrderID, err)
	}
	if json.Unmarshal(text, &change) != nil {
		return change, domain.Invalid("shipping_address", "is no change of a recipient")
	}
	return change, nil
}

// closedForGood reports whether sealed data can never be opened.
func closedForGood(err error) bool {
	return errors.Is(err, domain.ErrUnreadable) || errors.Is(err, domain.ErrErased)
}
