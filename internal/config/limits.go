package config

import "time"

// Limits of the HTTP API that are no settings: nobody has had a reason to change them. Those that are settings
// have their defaults in [Settings].
const (
	// HTTPHeaderBytesMax bounds a request's headers.
	HTTPHeaderBytesMax = 32 << 10
	// HTTPRequestsMax bounds how many requests are worked on at once. More are refused with 503.
	HTTPRequestsMax = 512
	// HTTPCancelWait is how long a change of an order is waited for before it is answered with 202.
	HTTPCancelWait = 8 * time.Second
	// HTTPReportWait is how long a report of a shipment is waited for. Then it is left for the saga.
	HTTPReportWait = 5 * time.Second
	// HTTPSettleWait is how long a client may have a placed order waited for.
	HTTPSettleWait = 10 * time.Second
	// HTTPHistoryWait bounds the question whether an Idempotency-Key is known.
	HTTPHistoryWait = 500 * time.Millisecond
	// HTTPStreamsMax bounds how many clients follow the changes of orders at once.
	HTTPStreamsMax = 256
	// HTTPStreamKeepAlive is how often a stream on which nothing happens says that it is there.
	HTTPStreamKeepAlive = 15 * time.Second
)
