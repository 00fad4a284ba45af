// Package recovery notices that the event store has lost events, and takes them back.
//
// A store that was restored from a backup, or failed over to a replica that lagged, lacks events that others know. Its
// own tables can't tell: all of them come from the same backup. Kafka and Temporal lie outside. Each of Kafka's
// messages names the store, its epoch, and the event's id, version and sequence. The mark at Temporal names how far the
// store was when it was last known to be complete.
//
// Each process runs a [Guard]. It asks the store every second whether its epoch is confirmed. In a worker it also
// compares the store with Kafka and the mark, and doubts or confirms the epoch. While that is not confirmed, nothing is
// appended, published or resumed; see package eventstore. A [Recovery] mends what was lost, and confirms the epoch.
//
// Invariants:
//   - An epoch is confirmed by itself only on proof. Every event that was published must be in the store.
//   - A recovery that was interrupted may be repeated, and goes on where it was.
//   - Messages of other stores, and of nobody, are no evidence.
package recovery
