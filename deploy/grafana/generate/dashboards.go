package main

// dashboards are all that are shipped.
var dashboards = []dashboard{business, onCall, infrastructure}

// Grafana's names of units.
const (
	unitCount   = "short"
	unitPerMin  = "cpm"
	unitPerSec  = "cps"
	unitSeconds = "s"
	unitRatio   = "percentunit"
	unitBytes   = "bytes"
	unitCores   = "none"
)

// share is a quantile of a histogram, over all processes.
func share(quantile, histogram string) string {
	return "histogram_quantile(" + quantile + ", sum by (le) (rate(" + histogram + "[$__rate_interval])))"
}

// quantiles are the median and the slow ones of a histogram.
func quantiles(histogram string) []query {
	return []query{{share("0.5", histogram), "half within"}, {share("0.95", histogram), "95 % within"}, {share("0.99", histogram), "99 % within"}}
}

// A bound is written as 1.0 in OpenMetrics, and as 1 otherwise.
const (
	accepted = `route="/api/v1/orders",method="POST"`
	// Without refusals (4xx), which are the caller's. 499 is a caller that has left.
	taken     = accepted + `,code!~"4[0-8].|49[0-8]"`
	inTime    = `sum(rate(orderloom_http_request_duration_seconds_bucket{` + accepted + `,code!~"4[0-8].|49[0-8]|5..",le=~"1([.]0)?"}[$__rate_interval]))`
	all       = `sum(rate(orderloom_http_request_duration_seconds_count{` + taken + `}[$__rate_interval]))`
	confirmed = `orderloom_order_confirmed_seconds`
	// Those of orders that waited for nobody.
	soon         = `sum(rate(` + confirmed + `_bucket{waited="no",le=~"30([.]0)?"}[$__rate_interval]))`
	allConfirmed = `sum(rate(` + confirmed + `_count{waited="no"}[$__rate_interval]))`
)

var business = dashboard{
	name: "business", title: "Orderloom: business", what: "For those who run the shop: what comes in, how long it takes, and what goes wrong for customers.",
	rows: []row{
		{"Orders", []panel{
			{
				title: "Orders placed", unit: unitPerMin,
				what:    "By the channel that they were placed in. \"none\" is an order without a channel, \"other\" one of a channel beyond the first twenty.",
				queries: []query{{`sum by (channel) (rate(orderloom_orders_total{status="created"}[$__rate_interval])) * 60`, "{{channel}}"}},
			},
			{
				title: "Orders by what became of them", unit: unitPerMin,
				what:    "How many orders came to each status. Over a day, what was placed is delivered or cancelled.",
				queries: []query{{`sum by (status) (rate(orderloom_orders_total[$__rate_interval])) * 60`, "{{status}}"}},
			},
			{
				title: "In this time", unit: unitCount, now: true, what: "Orders that came to each status in the time that is shown.",
				queries: []query{{`sum by (status) (increase(orderloom_orders_total[$__range]))`, "{{status}}"}},
			},
		}},
		{"How long it takes", []panel{
			{
				title: "Placed to confirmed", unit: unitSeconds, what: "Of orders that waited for nobody: no review, no bank, no goods.",
				queries: quantiles(confirmed + `_bucket{waited="no"}`),
			},
			{
				title: "Placed to shipped", unit: unitSeconds, what: "Until the first shipment has left.",
				queries: quantiles("orderloom_order_shipped_seconds_bucket"),
			},
			{
				title: "Confirmed within 30 seconds", unit: unitRatio, what: "Of orders that waited for nobody. The objective is 99 %.",
				queries: []query{{soon + " / " + allConfirmed, "in time"}},
			},
		}},
		{"What goes wrong for customers", []panel{
			{
				title: "Cancelled orders", unit: unitPerMin, what: "By reason. \"other\" is a reason in somebody's own words.",
				queries: []query{{
					`sum by (reason) (rate(orderloom_orders_cancelled_total[$__rate_interval])) * 60 and sum by (reason) (orderloom_orders_cancelled_total) > 0`,
					"{{reason}}",
				}},
			},
			{
				title: "Goods that were not there", unit: unitPerMin, what: "Lines that began to wait for goods, and orders that were cancelled for it.",
				queries: []query{{`sum by (outcome) (rate(orderloom_stock_outs_total[$__rate_interval])) * 60`, "{{outcome}}"}},
			},
			{
				title: "What was undone", unit: unitPerMin, what: "Payments voided, refunds owed and stock released, by reason. A sudden rise of one reason has one cause.",
				queries: []query{{
					`sum by (step, reason) (rate(orderloom_compensations_total[$__rate_interval])) * 60 and sum by (step, reason) (orderloom_compensations_total) > 0`,
					"{{step}}: {{reason}}",
				}},
			},
		}},
		{"Money and people", []panel{
			{
				title: "Refunds owed", unit: unitCount, what: "Orders whose customers are owed a refund that nobody has paid yet.",
				queries: []query{{`max by (currency) (orderloom_refunds_owed) or vector(0)`, "{{currency}}"}},
			},
			{
				title: "Amount owed", unit: unitCount, what: "What these customers are owed, in units of each currency.",
				queries: []query{{`max by (currency) (orderloom_refunds_owed_amount) or vector(0)`, "{{currency}}"}},
			},
			{
				title: "What waits for a person", unit: unitCount, what: "By cause. \"orderloom attention list\" shows each.",
				queries: []query{{`max by (cause) (orderloom_attention)`, "{{cause}}"}},
			},
		}},
	},
}

var onCall = dashboard{
	name: "oncall", title: "Orderloom: on call", what: "For whoever was woken up: is it true, since when, and which part.",
	rows: []row{
		{"Is it true", []panel{
			{
				title: "Alerts that fire", unit: unitCount, now: true, what: "0 is well. docs/runbooks has a page for each alert.",
				queries: []query{{`count by (alertname) (ALERTS{alertstate="firing"}) or vector(0)`, "{{alertname}}"}},
			},
			{
				title: "Orders accepted in time", unit: unitRatio,
				what:    "Requests to place an order that were answered within a second, not with 5xx. Refusals (4xx) do not count. The objective is 99.9 %.",
				queries: []query{{`(` + inTime + ` or vector(0)) / ` + all, "in time"}},
			},
			{
				title: "Orders confirmed in time", unit: unitRatio, what: "Orders that waited for nobody, and were confirmed within 30 seconds. The objective is 99 %.",
				queries: []query{{soon + " / " + allConfirmed, "in time"}},
			},
		}},
		{"The API", []panel{
			{
				title: "Requests", unit: unitPerSec, what: "By status. 503 says that a part is away, 429 that callers ask too often.",
				queries: []query{{`sum by (code) (rate(orderloom_http_request_duration_seconds_count[$__rate_interval]))`, "{{code}}"}},
			},
			{
				title: "Time to place an order", unit: unitSeconds, what: "Without the wait that \"Prefer: wait\" asks for.",
				queries: quantiles(`orderloom_http_request_duration_seconds_bucket{` + accepted + `}`),
			},
			{
				title: "Checks that fail", unit: unitCount, what: "1 for a check of GET /ready that fails.",
				queries: []query{{`max by (check) (orderloom_check_failing)`, "{{check}}"}},
			},
		}},
		{"From the store to the views", []panel{
			{
				title: "Not published yet", unit: unitSeconds,
				what: "The age of the oldest event that Kafka lacks, how long an append has been open, and how long Kafka has lacked what it had.",
				queries: []query{
					{`max(orderloom_relay_backlog_seconds)`, "backlog"},
					{`max(orderloom_relay_open_append_seconds)`, "open append"},
					{`max(orderloom_relay_lost_seconds)`, "lost"},
				},
			},
			{
				title: "Relays that lead", unit: unitCount, what: "1 is right.",
				queries: []query{{`sum(orderloom_relay_leading)`, "leaders"}, {`min(orderloom_relay_up)`, "publishes"}},
			},
			{
				title: "Views behind", unit: unitSeconds, what: "The age of the oldest event that a view lacks, with what is parked.",
				queries: []query{{`max by (projection) (orderloom_projection_lag_seconds)`, "{{projection}}"}, {`max(orderloom_invoices_lag_seconds)`, "invoices"}},
			},
			{
				title: "Parked and dead", unit: unitCount, what: "Aggregates that a view can't go on with, and messages in Kafka that were no events.",
				queries: []query{
					{`max by (projection) (orderloom_projection_parked_aggregates)`, "{{projection}}"},
					{`sum(increase(orderloom_projection_dead_letters_total[$__range]))`, "dead letters"},
				},
			},
			{
				title: "The store", unit: unitCount, what: "1 while the store was restored and is not confirmed, or while the Temporal namespace is another store's.",
				queries: []query{{`max(orderloom_store_unconfirmed)`, "unconfirmed"}, {`max(orderloom_foreign_namespace)`, "foreign namespace"}},
			},
			{
				title: "Breakers", unit: unitCount, what: "0 is closed, 1 lets some calls try, 2 is open: what it guards does not answer.",
				queries: []query{{`max by (of) (orderloom_breaker_state)`, "{{of}}"}},
			},
		}},
		{"Sagas and people", []panel{
			{
				title: "Sagas", unit: unitCount,
				what: "At the last look: orders without their saga, sagas of orders that have ended, and sagas whose workflow tasks keep failing.",
				queries: []query{
					{`max(orderloom_orphaned_orders)`, "orders without a saga"},
					{`max(orderloom_surplus_sagas)`, "sagas without need"},
					{`max(orderloom_failing_sagas)`, "failing"},
				},
			},
			{
				title: "Steps that are stuck", unit: unitPerMin, what: "Attempts of steps that have failed for ten minutes. The log names order and step.",
				queries: []query{{`sum(rate(orderloom_stuck_steps_total[$__rate_interval])) * 60 or vector(0)`, "attempts"}},
			},
			{
				title: "How long people were waited for", unit: unitSeconds, what: "The first of what waits, by cause.",
				queries: []query{{`max by (cause) (orderloom_attention_oldest_seconds)`, "{{cause}}"}},
			},
		}},
	},
}

var infrastructure = dashboard{
	name: "infrastructure", title: "Orderloom: Temporal, PostgreSQL, Kafka",
	what: "For those who look after the servers: what the platform asks of them, and how they answer.",
	rows: []row{
		{"Temporal", []panel{
			{
				title: "Requests to Temporal", unit: unitPerSec, what: "By operation. Long polls are left out.",
				queries: []query{{`sum by (operation) (rate(temporal_request_total[$__rate_interval]))`, "{{operation}}"}},
			},
			{
				title: "Requests that failed", unit: unitPerSec, what: "By status. A few NotFound are the platform's own looks.",
				queries: []query{{
					`sum by (operation, status_code) (rate(temporal_request_failure_total[$__rate_interval])) or vector(0)`, "{{operation}} {{status_code}}",
				}},
			},
			{
				title: "Time of requests", unit: unitSeconds, what: "As this platform sees them.",
				queries: quantiles("temporal_request_latency_seconds_bucket"),
			},
			{
				title: "Workflow tasks wait for a worker", unit: unitSeconds, what: "From their scheduling to their start. It grows when there are too few workers.",
				queries: quantiles("temporal_workflow_task_schedule_to_start_latency_seconds_bucket"),
			},
			{
				title: "Free slots of workers", unit: unitCount, what: "By kind of task. A kind at 0 makes tasks wait at Temporal.",
				queries: []query{{`min by (worker_type) (temporal_worker_task_slots_available)`, "{{worker_type}}"}},
			},
			{
				title: "Sagas in memory", unit: unitCount, what: "Of all workers. What is not in memory is read anew from its history.",
				queries: []query{{`sum(temporal_sticky_cache_size)`, "sagas"}},
			},
		}},
		{"PostgreSQL", []panel{
			{
				title: "Time of an append", unit: unitSeconds, what: "One round trip with its commit.",
				queries: quantiles("orderloom_eventstore_append_seconds_bucket"),
			},
			{
				title: "A step waits for its append", unit: unitSeconds, what: "With the time in the queue.",
				queries: quantiles("orderloom_eventstore_append_wait_seconds_bucket"),
			},
			{
				title: "Events stored", unit: unitPerSec, what: "Over all processes.",
				queries: []query{{`sum(rate(orderloom_eventstore_events_total[$__rate_interval]))`, "events"}},
			},
			{
				title: "The queue of appends", unit: unitCount, what: "Requests that wait for the next flush, and sequence numbers that are not safe to read yet.",
				queries: []query{{`max(orderloom_eventstore_queue_depth)`, "requests"}, {`max(orderloom_eventstore_high_water_lag_events)`, "numbers"}},
			},
			{
				title: "Conflicts and repeats", unit: unitPerSec, what: "Appends that met another version, and round trips that were made again.",
				queries: []query{
					{`sum(rate(orderloom_eventstore_conflicts_total[$__rate_interval]))`, "conflicts"},
					{`sum(rate(orderloom_eventstore_retries_total[$__rate_interval]))`, "repeats"},
				},
			},
			{
				title: "Time of a batch of the views", unit: unitSeconds, what: "To fold and write it.",
				queries: quantiles("orderloom_projection_batch_seconds_bucket"),
			},
		}},
		{"Kafka and Redis", []panel{
			{
				title: "Events published", unit: unitPerSec, what: "By the type of their aggregate.",
				queries: []query{{`sum by (aggregate_type) (rate(orderloom_relay_events_total[$__rate_interval]))`, "{{aggregate_type}}"}},
			},
			{
				title: "Time to publish a page", unit: unitSeconds, what: "With the moving of the cursor.",
				queries: quantiles("orderloom_relay_publish_seconds_bucket"),
			},
			{
				title: "Events that wait for the views", unit: unitCount, what: "Not published, or in Kafka, or parked.",
				queries: []query{{`max by (projection) (orderloom_projection_lag_events)`, "{{projection}}"}},
			},
			{
				title: "From an event to its view", unit: unitSeconds, what: "By the time of the event.",
				queries: quantiles("orderloom_projection_delay_seconds_bucket"),
			},
			{
				title: "Orders read from the cache", unit: unitRatio, what: "Of single orders. A cache that is away misses.",
				queries: []query{{
					`sum(rate(orderloom_cache_reads_total{outcome="hit"}[$__rate_interval])) / sum(rate(orderloom_cache_reads_total[$__rate_interval]))`, "hits",
				}},
			},
			{
				title: "Calls turned away", unit: unitPerSec, what: "By breakers, of what does not answer.",
				queries: []query{{`sum by (of) (rate(orderloom_breaker_turned_away_total[$__rate_interval]))`, "{{of}}"}},
			},
		}},
		{"Processes", []panel{
			{
				title: "Processors", unit: unitCores, what: "By process, in cores.",
				queries: []query{{`rate(process_cpu_seconds_total{job="orderloom"}[$__rate_interval])`, "{{instance}}"}},
			},
			{
				title: "Memory", unit: unitBytes, what: "What each process has of the machine's memory.",
				queries: []query{{`process_resident_memory_bytes{job="orderloom"}`, "{{instance}}"}},
			},
			{
				title: "Goroutines", unit: unitCount, what: "By process. A steady rise is a leak.",
				queries: []query{{`go_goroutines{job="orderloom"}`, "{{instance}}"}},
			},
			{
				title: "Versions", unit: unitCount, now: true, what: "How many processes run each version and role.",
				queries: []query{{`count by (version, role) (orderloom_build_info)`, "{{role}} {{version}}"}},
			},
			{
				title: "Requests being worked on", unit: unitCount, what: "Of the API. 512 are the bound of a process.",
				queries: []query{{`max by (instance) (orderloom_http_requests_in_flight)`, "{{instance}}"}},
			},
			{
				title: "Up", unit: unitCount, what: "1 for a process that answers Prometheus.",
				queries: []query{{`up{job="orderloom"}`, "{{instance}}"}},
			},
		}},
	},
}
