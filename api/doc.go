// Package api is the platform's HTTP door: the first station on the way of an order, and the last.
//
// A request that changes something is read strictly, checked against the domain's rules, and handed
// to a saga; a request that asks is answered from the read model. The package decides nothing about
// orders itself.
//
//	handler := api.New(api.Options{Sagas: client, Warehouse: client, Orders: reader, Views: reader, Vault: vault, History: history})
//	server := api.NewServer(":8080", handler)
//
// What holds for every route:
//
//   - A refused request starts nothing and stores nothing, and its answer names everything that is
//     wrong with it at once, as a problem (RFC 9457).
//   - An order that got its 201 is never 404: the read model is asked first, then the fold of the
//     events, then the saga's memo.
//   - A POST with an Idempotency-Key may be repeated for ever. The key and the caller make the id of
//     what is created, so that the same key means the same order, and a hash of the request tells a
//     retry from another request.
//   - Personal data is sealed before it leaves this package and opened only to be shown. It stands in
//     no log line, no metric, no span and no error.
//   - There is a limit on everything: body, nesting, header values, time, requests at once.
//
// One file holds one verb on one resource, with its test beside it; openapi.yaml holds the contract,
// and every exchange in the tests is checked against it.
package api
