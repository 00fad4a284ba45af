package main

import "time"

func us(n int) time.Duration { return time.Duration(n) * time.Microsecond }

// plans are machines by name. The times are processor time per visit, from docs/benchmarks.md, except for those of
// history shards and flushers, which do one thing at a time: theirs are the time that it takes.
var plans = map[string][]part{
	// The two processors that the costs were measured on do everything.
	"one": {
		{name: "two processors", servers: 2, visits: 8, each: us(8400)},
		{name: "two processors, views", servers: 2, visits: 2, each: us(2500), aside: true},
	},
	"ten-thousand": {
		{name: "api and sagas, processors", servers: 200, visits: 8, each: us(1200)},
		{name: "Temporal server, processors", servers: 480, visits: 8, each: us(3600)},
		{name: "Temporal's history shards", servers: 4096, visits: 8, each: us(5000), shards: true},
		{name: "Temporal's store, processors", servers: 240, visits: 8, each: us(2000)},
		{name: "event stores, flushers", servers: 100, visits: 7, each: us(400)},
		{name: "event stores, processors", servers: 96, visits: 7, each: us(700)},
		{name: "relays and Kafka, processors", servers: 140, visits: 3, each: us(3000), aside: true},
		{name: "projectors and views, processors", servers: 160, visits: 3, each: us(2500), aside: true},
	},
}
