package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/broker"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/eventstore"
	"github.com/orderloom/orderloom/internal/testing/eventtest"
	"github.com/orderloom/orderloom/relay"
)

// Settings of the measurement from append to consumer.
const (
	consumedEvents = 200 // of each kind
	// consumePause lets everything come to rest between two events. It is no multiple of an interval at which
	// anything polls.
	consumePause   = 37 * time.Millisecond
	consumeTimeout = 30 * time.Second
)

// consume measures how long a single event takes from before its append until a consumer has it, while nothing else
// goes on. One half is appended by the process whose relay leads, which the append wakes. The other half is appended
// by another process, and the relay finds those by polling.
func (b *bench) consume(ctx context.Context) error {
	stop, err := b.runRelay(ctx)
	if err != nil {
		return err
	}
	defer stop()
	elsewhere, err := eventstore.Open(ctx, b.pool, eventstore.Options{})
	if err != nil {
		return err
	}
	defer func() { _ = elsewhere.Close(context.WithoutCancel(ctx)) }()
	config := b.kafka
	config.Group = "consumer-" + uuid.NewString()
	reader, err := broker.NewReader(config, broker.Topics()...)
	if err != nil {
		return err
	}
	defer func() { _ = reader.Close() }()
	var events []domain.Envelope // of orders: the streams of goods are those of the steps before
	for _, e := range eventtest.Lives(3, 2*consumedEvents) {
		if e.AggregateType == domain.AggregateOrder {
			events = append(events, e)
		}
	}
	for _, from := range []struct {
		name  string
		store *eventstore.Store
	}{{"append_to_consumer", b.store}, {"append_elsewhere_to_consumer", elsewhere}} {
		delays := make([]time.Duration, 0, consumedEvents)
		for range consumedEvents {
			d, err := deliver(ctx, from.store, reader, events[0])
			if err != nil {
				return err
			}
			events = events[1:]
			delays = append(delays, d)
			if err := pause(ctx, consumePause); err != nil {
				return err
			}
		}
		delays = delays[1:] // the first one waits for the group
		slices.Sort(delays)
		b.set(from.name+"_p50_ms", percentile(delays, 0.5), "%.1f")
		b.set(from.name+"_p99_ms", percentile(delays, 0.99), "%.1f")
	}
	return nil
}

// deliver appends one event and waits until it is read. It skips what the topics hold of earlier steps.
func deliver(ctx context.Context, store *eventstore.Store, reader *broker.Reader, e domain.Envelope) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, consumeTimeout)
	defer cancel()
	begun := time.Now()
	if err := appendTo(ctx, store, e); err != nil {
		return 0, err
	}
	for {
		messages, err := reader.Fetch(ctx, batch)
		if err != nil {
			return 0, fmt.Errorf("wait for event %s: %w", e.EventID, err)
		}
		took := time.Since(begun)
		for _, m := range messages {
			if env, err := broker.Decode(m); err == nil && env.EventID == e.EventID {
				reader.Commit(messages)
				return took, nil
			}
		}
	}
}

// runRelay publishes what is appended from now on.
func (b *bench) runRelay(ctx context.Context) (stop func(), err error) {
	if _, err := b.pool.Exec(ctx, `INSERT INTO orderloom.relay_cursors (name, position) SELECT 'orderloom', coalesce(max(sequence), 0) FROM orderloom.events
		ON CONFLICT (name) DO UPDATE SET position = excluded.position`); err != nil {
		return nil, err
	}
	writer := broker.NewWriter(b.kafka)
	r, err := relay.New(relay.Options{Store: b.store, Pool: b.pool, Writer: writer})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	return func() { cancel(); drop(<-done); drop(writer.Close()) }, nil
}

// percentile of sorted durations, in milliseconds.
func percentile(sorted []time.Duration, q float64) float64 {
	return sorted[int(q*float64(len(sorted)-1))].Seconds() * 1000
}
