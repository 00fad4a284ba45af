// Package stack runs everything that Orderloom needs around it inside one process: PostgreSQL,
// a Temporal server on that same PostgreSQL with its Web UI, and a broker that speaks Kafka's protocol.
// They are the real servers and protocols, not stand-ins; the product is told their addresses, as in
// production, and nothing else.
//
// Whichever is already there is used instead: [Given] takes it from DATABASE_URL, TEMPORAL_ADDRESS and
// KAFKA_BROKERS. A Temporal server of ours then keeps its databases (temporal, temporal_visibility) on
// the PostgreSQL given.
//
//	s, err := stack.Start(ctx, stack.Options{Dir: ".data", Ports: stack.DefaultPorts, Log: log})
//	if err != nil {
//		return err
//	}
//	defer s.Stop(ctx)
//	fmt.Println(s.DatabaseURL, s.TemporalAddress, s.KafkaBrokers, s.UIURL)
//
// Invariants:
//   - With a directory, what the servers hold survives a restart, whatever ended the process: PostgreSQL and with it
//     Temporal flush every commit to disk, the broker writes its topics and group offsets there. The broker leaves
//     the flushing to the operating system, as Kafka does. Should the machine itself fail and the tail of a topic be
//     gone, no order suffers. The events table is what counts, and views are mended from it: their checkpoints are
//     versions of streams, not offsets.
//   - Without a directory everything is a throwaway.
//   - One process at a time uses a directory.
//   - Nothing outlives the process that started it.
//
// # Settings of the embedded Temporal server
//
// What differs from Temporal's defaults, and why:
//
//   - 4 history shards (fixed when the data are made): each shard is a lock and a set of queues. Two to
//     eight processors are kept busy by four; more only add polling at rest.
//   - 20 connections for executions and 10 for visibility, kept open: PostgreSQL on the same machine
//     commits no faster with more of them, and opening one costs a process.
//   - 1 partition for each task queue instead of 4. Partitions spread a queue over machines, and here is one; with 4,
//     polls are forwarded between them.
//   - eager workflow start and eager activities on (Temporal's default by now, said here because the
//     figures in docs/benchmarks.md depend on it).
//   - no check for new versions of the server over the network.
//   - static membership of one host: no gossip.
//   - archival off.
//
// Pollers are a setting of the workers, not of the server: see package worker.
package stack
