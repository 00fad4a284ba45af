// Package broker carries events over Kafka: domain envelopes become CloudEvents 1.0 messages in
// binary mode, and back.
//
// On the way of an order it stands between the relay, which writes with a [Writer], and the
// projector, which reads with a [Reader].
//
// Invariants:
//
//   - There is one topic per aggregate type, and the key is the aggregate's id. The partition is the one that Kafka's
//     own clients would choose for the key. So the events of one aggregate stay in order.
//   - [Writer.Publish] returns success only when all replicas in sync have every message. It never sends a later
//     event of a partition before an earlier one has arrived. A call that failed may be repeated: consumers then see
//     duplicates, never a gap or another order.
//   - A message that Kafka refuses for its size is replaced by a reference to the event store ([Dataref],
//     CloudEvents' claim check). It has the same place in the same partition.
//   - [Reader] hands out messages at least once. It begins at the first message of a partition whose committed offset
//     lies outside of what Kafka still has.
//
// The smallest example:
//
//	w := broker.NewWriter(broker.Config{Brokers: []string{"localhost:9092"}})
//	defer w.Close()
//	unpublished, err := w.Publish(ctx, envelopes)
package broker
