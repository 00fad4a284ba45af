package app

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/orderloom/orderloom/broker"
	"github.com/orderloom/orderloom/domain/catalog"
	"github.com/orderloom/orderloom/eventstore"
	"github.com/orderloom/orderloom/internal/breaker"
	"github.com/orderloom/orderloom/internal/config"
	"github.com/orderloom/orderloom/internal/telemetry"
	"github.com/orderloom/orderloom/orphans"
	"github.com/orderloom/orderloom/privacy"
	"github.com/orderloom/orderloom/projector"
	"github.com/orderloom/orderloom/projector/maintain"
	"github.com/orderloom/orderloom/readmodel"
	"github.com/orderloom/orderloom/relay"
	"github.com/orderloom/orderloom/sagaclient"
)

// Maintenance is what the operators' commands about delivery and the views work with.
type Maintenance struct {
	Pool  *pgxpool.Pool
	Store *eventstore.Store
	// Published is the store, and how much of it the relay has published.
	Published maintain.PublishedStore
	Views     *maintain.Maintainer
	Broker    broker.Config

	cfg   config.Config
	tel   *telemetry.Telemetry
	cache *readmodel.RedisCache // nil without Redis
}

// OpenMaintenance opens what the commands work with. The caller closes it.
func OpenMaintenance(ctx context.Context, cfg config.Config, tel *telemetry.Telemetry) (*Maintenance, error) {
	pool, err := openTool(ctx, cfg.Database, tel)
	if err != nil {
		return nil, err
	}
	return newMaintenance(ctx, pool, cfg, tel, eventstore.Options{Logger: tel.Logger})
}

// newMaintenance is [OpenMaintenance] for a pool and the options of its store. Close closes the pool.
func newMaintenance(
	ctx context.Context, pool *pgxpool.Pool, cfg config.Config, tel *telemetry.Telemetry, store eventstore.Options,
) (m *Maintenance, err error) {
	m = &Maintenance{Pool: pool, cfg: cfg, tel: tel}
	if m.Broker, err = brokerConfig(cfg, tel.Logger); err != nil {
		return nil, errors.Join(err, m.Close(ctx))
	}
	if m.Store, err = eventstore.Open(ctx, pool, store); err != nil {
		return nil, errors.Join(fmt.Errorf("open the event store: %w", refusedByPooler(err)), m.Close(ctx))
	}
	m.Published = published{m.Store, pool}
	_, contacts, err := openContacts(pool, cfg.Privacy)
	if err != nil {
		return nil, errors.Join(err, m.Close(ctx))
	}
	options := projector.MenderOptions{Pool: pool, Source: eventSource{m.Store}, Projections: projections(contacts, nil), Logger: tel.Logger}
	if cfg.Redis.URL != "" {
		if m.cache, err = openRedis(cfg.Redis, tel.Logger, breaker.NewSet(tel.Logger, nil), nil); err != nil {
			return nil, errors.Join(err, m.Close(ctx))
		}
		options.Cache = m.cache
	}
	m.Views = maintain.New(projector.NewMender(options))
	return m, nil
}

// Record records a command in the audit before it is carried out. What can't be recorded must not be done.
func (m *Maintenance) Record(ctx context.Context, action, subject string) error {
	return recordCommand(ctx, m.Pool, m.cfg, m.tel, action, subject)
}

// reachTimeout is how long Temporal may take to answer at all.
const reachTimeout = 10 * time.Second

// VerifySagas compares the sagas at Temporal with the events. The error says why they could not be compared.
func (m *Maintenance) VerifySagas(ctx context.Context) (v orphans.Verification, err error) {
	if m.cfg.Temporal.Address == "" {
		return v, ErrNoTemporal
	}
	c, memos, err := dialTemporal(m.cfg.Temporal, m.tel)
	if err != nil {
		return v, err
	}
	defer c.Close()
	sagas := sagaclient.New(c, memos, deadlines(m.cfg.Orders), "")
	finder := newFinder(m.cfg, m.tel, sagas, m.Store, readmodel.NewReader(m.Pool, readmodel.Options{Logger: m.tel.Logger}), nil)
	reach, cancel := context.WithTimeout(ctx, reachTimeout)
	defer cancel()
	if err := finder.CheckNamespace(reach); err != nil {
		return v, err
	}
	return finder.Verify(ctx)
}

// KafkaLoss is what Kafka lacks at its end of what a relay has published, such as after its data were lost.
type KafkaLoss struct {
	// Newest is the sequence of the newest event that Kafka has, 0 for none.
	Newest int64
	// Events counts the events behind it that Kafka should still keep by the settings of its topics.
	Events int64
}

// LostByKafka asks Kafka whether it still has the end of what was published up to a position. [maintain.VerifyKafka]
// compares everything.
func (m *Maintenance) LostByKafka(ctx context.Context, position int64) (loss KafkaLoss, err error) {
	if loss.Newest, err = broker.Newest(ctx, m.Broker); err != nil || loss.Newest >= position {
		return loss, err
	}
	kept, err := broker.KeptBy(ctx, m.Broker)
	if err != nil {
		return loss, err
	}
	for _, aggregateType := range catalog.AggregateTypes() {
		k := kept[broker.Topic(aggregateType)]
		if k.Sized {
			continue
		}
		span := eventstore.Span{After: loss.Newest, Through: position, AggregateTypes: []string{aggregateType}}
		if k.For > 0 {
			span.Since = time.Now().Add(-k.For)
		}
		lost, err := m.Store.Waiting(ctx, span)
		if err != nil {
			return loss, err
		}
		for _, b := range lost {
			loss.Events += b.Events
		}
	}
	return loss, nil
}

// Rewind makes the relay publish again what comes after a sequence. From 0, the copies of customers' keys are made
// again too, since Kafka may have lost everything. It may be repeated. Errors: those of [relay.Rewind].
func (m *Maintenance) Rewind(ctx context.Context, to int64) error {
	if err := m.Record(ctx, "relay rewind", strconv.FormatInt(to, 10)); err != nil {
		return err
	}
	if err := relay.Rewind(ctx, m.Pool, m.Store, relay.Name, to); err != nil || to > 0 {
		return err
	}
	return privacy.CopyAgain(ctx, m.Pool)
}

// Close frees what [OpenMaintenance] took.
func (m *Maintenance) Close(ctx context.Context) error {
	var err error
	if m.cache != nil {
		err = m.cache.Close()
	}
	if m.Store != nil {
		err = errors.Join(err, m.Store.Close(context.WithoutCancel(ctx)))
	}
	m.Pool.Close()
	return err
}
