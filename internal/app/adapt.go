package app

import (
	"context"
	"log/slog"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/catalog"
	"github.com/orderloom/orderloom/domain/location"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/eventstore"
	"github.com/orderloom/orderloom/internal/breaker"
	"github.com/orderloom/orderloom/internal/config"
	"github.com/orderloom/orderloom/readmodel"
	"github.com/orderloom/orderloom/relay"
	"github.com/prometheus/client_golang/prometheus"
)

// openRedis returns the cache in Redis.
func openRedis(cfg config.Redis, log *slog.Logger, breakers *breaker.Set, r prometheus.Registerer) (*readmodel.RedisCache, error) {
	t, err := clientTLS("Redis", cfg.TLS)
	if err != nil {
		return nil, err
	}
	return readmodel.NewRedisCache(readmodel.RedisOptions{
		URL: string(cfg.URL), TLS: t, TTL: cfg.TTL, Logger: log, Breakers: breakers, Registerer: r,
	})
}

// eventSource lets the read side read streams without knowing the event store.
type eventSource struct{ store *eventstore.Store }

// Load implements [readmodel.EventSource].
func (s eventSource) Load(ctx context.Context, aggregateType string, id uuid.UUID, after int64) ([]domain.Envelope, error) {
	return s.store.Load(ctx, eventstore.StreamID{Type: aggregateType, ID: id}, after)
}

// Watch implements [readmodel.EventSource].
func (s eventSource) Watch(past map[uuid.UUID]int64) (appended <-chan struct{}, stop func()) {
	return s.store.Watch(past)
}

// Check implements [projector.EventSource].
func (s eventSource) Check(ctx context.Context, c eventstore.Cursor) (eventstore.Identity, error) {
	return s.store.Check(ctx, c)
}

// published is the event store, and how much of it the relay has published.
type published struct {
	*eventstore.Store
	pool *pgxpool.Pool
}

// Published implements [maintain.PublishedStore].
func (p published) Published(ctx context.Context) (int64, error) {
	c, err := relay.Cursor(ctx, p.pool, relay.Name)
	return c.Position, err
}

// Unpublished implements [readmodel.BacklogSource].
func (p published) Unpublished(ctx context.Context) ([]readmodel.Backlog, error) {
	counted, err := relay.Unpublished(ctx, p.pool, p.Store, relay.Name, 0)
	if err != nil {
		return nil, err
	}
	backlog := make([]readmodel.Backlog, len(counted))
	for i, b := range counted {
		backlog[i] = readmodel.Backlog(b)
	}
	return backlog, nil
}

// Payment implements [api.History].
func (h history) Payment(ctx context.Context, orderID uuid.UUID) (p payment.Payment, err error) {
	envelopes, err := h.store.Load(ctx, eventstore.StreamID{Type: domain.AggregatePayment, ID: payment.ID(orderID)}, 0)
	if err != nil {
		return p, err
	}
	for _, env := range envelopes {
		e, err := catalog.Decode(env)
		if err != nil {
			return payment.Payment{}, err
		}
		p = payment.Evolve(p, e)
	}
	return p, nil
}

// Network implements [api.History].
func (h history) Network(ctx context.Context) (location.Network, error) {
	envelopes, err := h.store.Load(ctx, eventstore.StreamID{Type: domain.AggregateNetwork, ID: location.NetworkID}, 0)
	if err != nil {
		return location.Network{}, err
	}
	var n location.Network
	for _, env := range envelopes {
		e, err := catalog.Decode(env)
		if err != nil {
			return location.Network{}, err
		}
		n = location.Evolve(n, e)
	}
	return n, nil
}

// history tells the API where an order stands by the events themselves.
type history struct{ store *eventstore.Store }

// Order implements [api.History].
func (h history) Order(ctx context.Context, id uuid.UUID) (order.Order, error) {
	envelopes, err := h.store.Load(ctx, eventstore.StreamID{Type: domain.AggregateOrder, ID: id}, 0)
	if err != nil {
		return order.Order{}, err
	}
	if len(envelopes) == 0 {
		return order.Order{}, domain.Refuse(domain.CodeNotFound, "order %s does not exist", id)
	}
	var o order.Order
	for _, env := range envelopes {
		e, err := catalog.Decode(env)
		if err != nil {
			return order.Order{}, err
		}
		o = order.Evolve(o, e)
	}
	return o, nil
}
