// Package soak runs several processes of the platform under mixed orders over HTTP, and kills processes with kill -9
// at random moments. Then it audits everything.
//
//	report, err := soak.Run(ctx, soak.Options{Orderloom: "bin/orderloom", Duration: 3 * time.Minute})
//
// PostgreSQL, a Temporal server and the broker run throughout; only processes of the platform die. The payment
// gateway is the sandbox, whose ledger is a file and outlives them.
//
// The audit demands:
//
//   - every accepted order has ended as it had to, and its saga has completed;
//   - there is no order that nobody placed;
//   - "orderloom verify" finds every event in Kafka, in order per aggregate, and each view equal to the fold;
//   - the gateway, the views and the soak's own books agree on every cent, and nothing is still held;
//   - what lies in stock is what was received, less what has left, and nothing is reserved.
//
// The comment of [Run] lists protections without which it fails.
package soak
