// Package httpx is a toolkit for an HTTP API whose OpenAPI document checks its requests. It knows nothing of orders.
//
// A [Contract] is the document. A [Router] serves its operations. It finds the schemas of a route by method and path,
// and refuses requests that are not what they say. One [Problem] (RFC 9457) names all that is wrong.
//
//	contract, err := httpx.NewContract(openapiYAML)
//	router := httpx.NewRouter(httpx.Options{Contract: contract, Limits: limits, Logger: logger})
//	router.Handle(httpx.Route{Method: "POST", Path: "/books", Handle: httpx.Body(
//		func(ctx context.Context, x *httpx.Exchange, b *newBook) error {
//			return x.JSON(http.StatusCreated, b)
//		})})
//
// A body takes four steps, each of which sees only what the step before has let through:
//
//  1. The text is read strictly: UTF-8 and JSON to the last byte, nested at most 32 levels deep. What is not JSON ends
//     here, with the position.
//  2. The value is checked against the schema of the route. Members that stand twice are noted here too.
//  3. The value is decoded into a struct, by a library. Numbers are never floats.
//  4. The struct is a [Checker] when the domain has rules for it that no schema can express.
//
// Faults of the steps 2 and 4, and those of parameters and headers, are named together.
package httpx
