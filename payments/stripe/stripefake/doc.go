// Package stripefake is a Stripe for tests: an HTTP server that keeps PaymentIntents, Refunds and Events.
// It behaves as Stripe's documentation says, also when things go wrong.
//
// It knows what a gateway with manual capture needs, and refuses parameters that Stripe doesn't have at
// these calls. So it can't be more lenient than the real one without a test noticing. Another test checks
// the shape of every request against Stripe's own mock server. What it imitates:
//
//   - Idempotency keys: the same answer again for as long as keys live, failures included; 409 while the first
//     request is under way. Other parameters get an idempotency_error, and a later request is a new one.
//   - Search that lags behind, lists that don't.
//   - Declines, 3-D Secure, several captures where card and account allow it, expiry after seven days.
//   - Payment methods that can be used once, unless they are given to a customer; payments without the customer.
//   - The rest that a last capture or a cancellation lets go: as a refund that the customer never gets, or as none.
//   - Refunds that are pending, and fail later. Disputes, which a bank decides. What a person does in the dashboard.
//   - Currencies with their least amounts, and what metadata holds. Anything else is refused.
//   - Events, and webhooks signed with one or several secrets.
//   - Faults: answers lost before or after the request took effect, 5xx, 429, hanging requests, outages, a
//     revoked API key, forgotten idempotency keys.
//
// Time stands still until [Server.Advance].
//
//	s := stripefake.Start(stripefake.Options{Key: "sk_test_1"})
//	defer s.Close()
//	gateway, err := stripe.New(stripe.Options{
//		Key: "sk_test_1", URL: s.URL, Now: s.Now, ReturnURL: "https://shop.example/",
//	})
package stripefake
