// Package api is the platform's HTTP API: the first station on the way of an order, and the last.
//
// A request that changes something is checked, and handed to a saga. A request that asks is answered from the read
// model. The package decides nothing about orders: the document says what a request may be, and the domain says what
// may happen to an order.
//
//	handler := api.New(api.Options{
//		Sagas: client, Warehouse: client, Orders: reader, Views: reader, Vault: vault, History: history, Limits: limits,
//	})
//
// What holds for every route:
//
//   - openapi.yaml is the contract, and the validator: requests are checked against its schemas at run time
//     ([httpx.Contract]). What the document says and what the server takes can't differ.
//   - A refused request starts nothing and stores nothing. Its answer names everything that is wrong with it at once,
//     as a problem (RFC 9457).
//   - An order that got its 201 is never 404: the read model is asked first, then the fold of the events, then the
//     saga's memo.
//   - A POST with an Idempotency-Key may be repeated for ever. The key and the caller make the id of what is created,
//     so that the same key means the same order. A hash of the decoded request tells a retry from another request.
//   - Personal data is sealed before it leaves this package and opened only to be shown. It stands in no log line, no
//     metric, no span and no error.
//   - There is a limit on everything: body, nesting, header values, time, requests at once. Limits have no defaults
//     here: whoever makes an API gives them.
//
// One file holds one verb on one resource, with its test beside it. What any HTTP API needs is in [httpx].
package api
