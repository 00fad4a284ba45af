// Package tinypay is the worked example of docs/payments.md: a payment gateway for a service that does
// not exist. TinyPay speaks JSON over HTTP, addresses payments by our ids, and never forgets an
// idempotency key.
package tinypay
