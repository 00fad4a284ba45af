// Package payments is the port to payment gateways: what a gateway has to do, and in which words.
//
// A step of a saga asks a [Gateway] to authorise, capture, void or refund. Each gateway is one folder
// below this one: sandbox plays one in memory, stripe talks to Stripe.
package payments
