// Package webhooks tells partners what happens, by requests to addresses of theirs: to the letter of Standard Webhooks
// (https://www.standardwebhooks.com), and from the feed of events.
//
// An [Endpoint] has a place among all events, a cursor of the feed. What lies before the place is delivered. A
// [Dispatcher] reads on from there and sends what the endpoint asks for. While all is well, it writes the place twice a
// second, and no row for an event.
//
// The events of one order are sent one after the other; different orders are not waited for. When a delivery fails, its
// order goes on by itself. A row of webhook_lanes has a cursor of its own for that order. The store is read from there
// when it is time to try again. All other orders go on. An endpoint has at most [LanesMax] such orders. Beyond that it
// is behind as a whole, and goes on from its place.
//
// One process works on an endpoint at a time. It says every second that it is alive, and another takes over some
// seconds after it has not. What it had sent since it last wrote the place is sent once more, under the same ids.
//
//	table := webhooks.NewTable(pool, vault, webhooks.TableOptions{})
//	made, secret, err := table.Create(ctx, webhooks.NewEndpoint{URL: "https://…", Caller: caller, …})
//	go webhooks.NewDispatcher(webhooks.Options{Pool: pool, Feed: feed, Vault: vault, …}).Run(ctx)
package webhooks
