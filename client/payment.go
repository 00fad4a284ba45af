package client

import "time"

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
