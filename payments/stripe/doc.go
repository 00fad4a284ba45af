// Package stripe takes the money of orders through Stripe: it is [payments.Gateway] in Stripe's words.
//
//	gateway, err := stripe.New(stripe.Options{Key: key, ReturnURL: "https://shop.example/orders/{order_id}"})
//
// One authorisation is one PaymentIntent, created and confirmed in one request with manual capture. Its
// metadata is payment_id and order_id and nothing else; a refund's is payment_id and its idempotency key,
// which is made of ids. Nothing personal is ever sent. What holds:
//
//   - Nobody is charged twice. A request is repeated under its idempotency key. Stripe forgets keys after 24 hours
//     (https://docs.stripe.com/api/idempotent_requests). So a request that is older than [lookupAfter] is first
//     looked up: an authorisation and a refund by metadata, a capture by what was received. A failure at Stripe's
//     side (a 5xx) is kept under the key too and would be repeated for 24 hours. So what became of it is looked up at
//     once.
//   - Nothing is authorised behind a void. When the answer to an authorisation never came, its key is used up by an
//     intent with the same payment_id that can't be paid. The same request is then refused, by the key at first and
//     by the lookup for ever. Then whatever bears the payment_id is cancelled.
//   - What a last capture or a cancellation lets go is no refund, although Stripe has shown it as one.
//   - Never more is captured than was authorised, by our arithmetic and by Stripe's.
//
// # Several captures
//
// Shipments are captured one by one with final_capture=false, where the account and the card allow it
// (multicapture, https://docs.stripe.com/payments/multicapture). Stripe says at the authorisation whether
// they do. Where they don't, the first capture releases the rest of the authorisation, so there are
// three ways, all of which were weighed:
//
//   - Capture the whole at the last shipment. Goods would leave unpaid, and an authorisation lives for
//     seven days only.
//   - Capture the first shipment and authorise the rest anew, without the customer. It may be declined
//     when the goods are packed, and needs a consent that nobody was asked for.
//   - Capture the whole at the first shipment. The customer pays what was authorised, earlier.
//
// It is the last: no goods leave unpaid. The captures of the later shipments are then answered out of what
// was taken, and the rest is never authorised again. A void gives back what no shipment has claimed. The
// ledger says so (TakenAtOnce).
//
// # The customer's bank
//
// The customer is there when the order is placed, so off_session is not set. With it, Stripe would decline
// what the bank wants to have confirmed. The bank's page comes back as the URL of an action_required.
// The outcome comes as a webhook ([Webhook]).
//
// # Errors
//
// A decline is an answer. A refusal of a capture or refund is gateway_refused. Everything else is
// [payments.ErrNoAnswer] and worth repeating: network, timeout, 5xx, 429, a key in use. So are a revoked
// API key and a request that Stripe doesn't understand: somebody can mend them while the order waits.
// Errors hold Stripe's codes and request id and none of its prose, which may quote tokens.
package stripe
