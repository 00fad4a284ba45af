// Package codec encrypts what the sagas leave at the Temporal server. That is inputs and results of workflows,
// activities, signals, updates and queries; memos and summaries; and the messages and stack traces of failures. The
// server, its database, its backups and its operators see ciphertext; only who holds a key reads it.
// docs/encryption.md says what stays readable (search attributes, ids, names) and how keys are changed.
//
//	c, err := codec.NewConverters(codec.Options{Keys: []codec.Key{{ID: "k2", Secret: current}, {ID: "k1", Secret: former}}})
//	…
//	temporalClient, err := client.Dial(client.Options{DataConverter: c.Data, FailureConverter: c.Failure})
//
// The first key encrypts and every key decrypts, by the id that stands in the payload's metadata. A
// payload that is not encrypted is left as it is, so encryption can be turned on, and off again, while
// executions are open.
//
// [Handler] is the codec server: Temporal's remote codec protocol, by which the Web UI, temporal and
// tctl show payloads to people who may see them.
package codec
