// Package client is the typed Go client of the Orderloom API.
//
//	shop, err := client.New("https://orders.example.com", client.WithAPIKey(key))
//	if err != nil {
//		return err
//	}
//	placed, err := shop.PlaceOrder(ctx, client.NewOrder{
//		CustomerID:      "cust-1001",
//		Currency:        "EUR",
//		Items:           []client.NewItem{{ProductID: "p-espresso", SKU: "ESP-250", Quantity: 2, UnitPrice: "19.90"}},
//		Recipient:       &client.Recipient{Name: "Ada Lovelace", Email: "ada@example.com"},
//		ShippingAddress: client.Address{Line1: "Torstraße 1", City: "Berlin", Zip: "10119", Country: "DE"},
//		PaymentToken:    token,
//	}, client.Wait(5*time.Second))
//
// There is a method for each operation of the API's contract, openapi.yaml, named after its operationId. Requests and
// answers are structs whose fields are those of the contract. A test of this package compares both with the contract.
//
// # Idempotency and retries
//
// Each POST carries an Idempotency-Key. The client makes a random one unless [IdempotencyKey] gives one. A request
// that fails for a passing reason is repeated under the same key, so it takes effect once: see [Retry]. Keep the key
// with your own order, and a program that restarts can send the same request again.
//
// # Errors
//
// A request that the API refuses fails with a [*Problem] (RFC 9457). Compare its code, by [CodeOf] or by
// [errors.As]:
//
//	if client.CodeOf(err) == client.CodeNotCancellable { … }
//
// Any other error means that no answer was received or understood. The request may have taken effect then.
//
// # Answers that are not final
//
// A request to change an order is answered as soon as the change is recorded. When that takes longer than a client
// should wait, the answer is 202: the result has Pending set, and the order shows the change later.
//
// # Amounts
//
// An amount of money is a decimal string with a currency ([Money]). It is exact; never read it as a float.
package client
