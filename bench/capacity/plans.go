package main

import "time"

func us(n int) time.Duration { return time.Duration(n) * time.Microsecond }

// plans are machines by name. The times are processor time per visit, from docs/benchmarks.md. Those of history
// shards and flushers are elapsed times, since each does one thing at a time.
var plans = map[string][]part{
	// The two processors of the machine on which the costs were measured do everything.
	"one": {
		{name: "two processors", servers: 2, visits: 7, each: us(6200)},
		{name: "two processors, views", servers: 2, visits: 2, each: us(2500), aside: true},
	},
	"ten-thousand": {
		{name: "api and sagas, processors", servers: 130, visits: 7, each: us(1100)},
		{name: "Temporal server, processors", servers: 350, visits: 6, each: us(3500)},
		{name: "Temporal's history shards", servers: 4096, visits: 6, each: us(5000), shards: true},
		{name: "Temporal's store, processors", servers: 180, visits: 6, each: us(1800)},
		{name: "event stores, flushers", servers: 50, visits: 4, each: us(500)},
		{name: "event stores, processors", servers: 60, visits: 4, each: us(800)},
		{name: "relays and Kafka, processors", servers: 90, visits: 3, each: us(1800), aside: true},
		{name: "projectors and views, processors", servers: 100, visits: 3, each: us(1900), aside: true},
	},
}
