// Package relay publishes the events of the event store to Kafka, in order.
//
// On the way of an order it stands between the event store, whose events table is its outbox, and the
// broker. Every worker process runs one; one of them leads at a time.
//
// Invariants:
//
//   - Nothing is skipped. The relay reads only up to the store's high-water mark. Its cursor moves past an event only
//     when every replica in sync has it, or when it is recorded as withheld.
//   - One topic stops no other. Events of a type whose topic takes nothing are withheld, and published in order once it
//     takes them.
//   - The backlog is measured by every relay from the cursor and the store, whoever leads.
//   - Order is kept per aggregate. What failed is published again before anything later; a leader that
//     was deposed without knowing can only repeat events that its successor publishes as well.
//   - The cursor moves by comparing and setting position and epoch, and every new leader raises the epoch,
//     so a deposed leader can't move it.
//   - A leader that is frozen is replaced. A follower ends its session, since PostgreSQL would keep the lock for it.
//   - What Kafka has lost is noticed by where its partitions end, and told until an operator rewinds the relay.
//   - Nothing of an epoch of the store is published that is not confirmed, and each message tells its epoch.
//   - No transaction is open while Kafka is waited for.
//
// However long Kafka is away, the relay waits, shows it in its metrics, and goes on from the cursor.
//
// The smallest example:
//
//	r, err := relay.New(relay.Options{Store: store, Pool: pool, Writer: writer})
//	if err != nil {
//		return err
//	}
//	return r.Run(ctx)
package relay
