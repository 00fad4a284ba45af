package client

import (
	"context"
	"net/http"
	"time"

	"github.com/google/uuid"
)

// MissingPayment is money that an order waits for. An authorisation that was needed again was declined, or the customer
// has to confirm it at the bank.
type MissingPayment struct {
	// Amount is what is missing.
	Amount Money `json:"amount"`
	// Reason is the code of the decline, or why nothing could be asked for.
	Reason     string    `json:"reason"`
	RequiredAt time.Time `json:"required_at"`
	// DeadlineAt is when everything that has not left is cancelled.
	DeadlineAt time.Time `json:"deadline_at"`
}

// NewPayment is the request of [Client.ProvidePayment].
type NewPayment struct {
	// PaymentToken is what the payment gateway gave the customer's browser for a means of payment.
	PaymentToken string `json:"payment_token"`
	// KeepPaymentMethod says that the customer has agreed that it is charged again for this order without them.
	KeepPaymentMethod bool `json:"keep_payment_method,omitempty"`
}

// ProvidedPayment is where a payment stands for which another means was given.
type ProvidedPayment struct {
	OrderID uuid.UUID `json:"order_id"`
	// PaymentStatus is [PaymentAuthorized], [PaymentActionRequired], or [PaymentRequired] for a decline. The answer to
	// a request that comes again late may be another one.
	PaymentStatus PaymentStatus `json:"payment_status"`
	// MissingPayment tells why the order goes on waiting, and until when.
	MissingPayment *MissingPayment `json:"payment_required,omitempty"`
	// PaymentActionURL is where the customer confirms, with [PaymentActionRequired].
	PaymentActionURL string `json:"payment_action_url,omitempty"`
	// UnderWay is true while the gateway's answer is not known. RetryAfter says when to ask again, with the same key.
	UnderWay   bool          `json:"under_way,omitempty"`
	RetryAfter time.Duration `json:"-"`
	// Replayed is true when an earlier request has given it.
	Replayed bool `json:"-"`
}

// ProvidePayment gives another means of payment to an order that waits for money. A decline is an answer. It may be
// repeated under the same key. Errors: payment_not_required; payment_under_way; idempotency_key_reused.
func (c *Client) ProvidePayment(ctx context.Context, id uuid.UUID, p NewPayment, options ...CallOption) (ProvidedPayment, error) {
	var out ProvidedPayment
	a, err := c.sendRequest(ctx, newRequest(http.MethodPost, orderPath(id)+"/payment", p, options), into(&out))
	out.RetryAfter, out.Replayed = retryAfter(a.header), a.replayed()
	return out, err
}
