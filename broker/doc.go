// Package broker carries events over Kafka: domain envelopes become CloudEvents 1.0 messages in
// binary mode, and back.
//
// On the way of an order it stands between the relay, which writes with a [Writer], and the
// projector, which reads with a [Reader].
//
// Invariants:
//
//   - One topic per aggregate type, the key is the aggregate's id, and the partition is the one that
//     Kafka's own clients would choose for the key, so the events of one aggregate stay in order.
//   - [Writer.Publish] returns success only when all replicas in sync have every message, and never
//     sends a later event of a partition before an earlier one has arrived. A call that failed may be
//     repeated: consumers then see duplicates, never a gap or another order.
//   - A message that Kafka refuses for its size is replaced by a reference to the event store
//     ([Dataref], CloudEvents' claim check), in the same place of the same partition.
//   - [Reader] hands out messages at least once, and begins at the first message of a partition whose
//     committed offset lies outside of what Kafka still has.
//
// The smallest example:
//
//	w := broker.NewWriter(broker.Config{Brokers: []string{"localhost:9092"}})
//	defer w.Close()
//	unpublished, err := w.Publish(ctx, envelopes)
package broker
