package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/activities"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/eventstore"
	"github.com/orderloom/orderloom/internal/config"
	"github.com/orderloom/orderloom/internal/telemetry"
	"github.com/orderloom/orderloom/orphans"
	"github.com/orderloom/orderloom/sagaclient"
	"github.com/orderloom/orderloom/workflows"
)

// Orphans is what the operators' commands about orders without a saga work with.
type Orphans struct {
	*orphans.Finder

	history history
}

// Order returns an order as its events tell it. Error: not_found.
func (o *Orphans) Order(ctx context.Context, id uuid.UUID) (order.Order, error) {
	return o.history.Order(ctx, id)
}

// WithOrphans calls f with what the commands work with, and closes it afterwards.
func WithOrphans(ctx context.Context, cfg config.Config, tel *telemetry.Telemetry, f func(*Orphans) error) error {
	p, err := open(ctx, cfg, Options{Telemetry: tel})
	if err != nil {
		return err
	}
	err = f(&Orphans{Finder: p.orphans(), history: history{p.store}})
	return errors.Join(err, p.close(ctx))
}

// orphans returns the finder of orders whose saga does not fit their events.
func (p *platform) orphans() *orphans.Finder {
	return newFinder(p.cfg, p.tel, p.sagas(), p.store, p.reader, orphans.NewList(p.pool))
}

func newFinder(
	cfg config.Config, tel *telemetry.Telemetry, sagas *sagaclient.Client, store *eventstore.Store, views orphans.Views, list *orphans.List,
) *orphans.Finder {
	o := orphanOptions(cfg.Orders)
	events := eventstore.NewRepository(store, eventstore.RepositoryOptions{Aggregates: activities.Snapshotted()})
	o.Sagas, o.Views, o.History = orphanSagas{sagas, cfg.Temporal.Namespace}, views, orphanHistory{history{store}, events}
	o.Returns = sagas
	o.Mark = func(ctx context.Context) (orphans.Mark, error) {
		identity, err := store.Identity(ctx)
		if err == nil && !identity.Confirmed {
			err = eventstore.ErrUnconfirmed // its orders may stand further back than their sagas
		}
		return orphansMark(identity.ID), err
	}
	o.List, o.WorkflowID = list, workflows.OrderSagaID
	o.Logger, o.Registerer = tel.Logger, tel.Registry
	return orphans.New(o)
}

func orphansMark(store uuid.UUID) orphans.Mark { return orphans.Mark{Store: store} }

func orphanOptions(cfg config.Orders) orphans.Options {
	return orphans.Options{
		Resume: cfg.OrphansResume, Every: cfg.OrphansEvery,
		Unavailable: func(err error) bool { return errors.Is(err, sagaclient.ErrUnavailable) },
	}
}

// orphanSagas is the client of the sagas as the finder wants it.
type orphanSagas struct {
	*sagaclient.Client
	namespace string
}

// FailingSagas implements [orphans.Sagas].
func (s orphanSagas) FailingSagas(ctx context.Context, limit int) ([]orphans.Failing, int, bool, error) {
	found, count, supported, err := s.Client.FailingSagas(ctx, limit)
	failing := make([]orphans.Failing, len(found))
	for i, f := range found {
		orderID, _ := workflows.OrderOfSaga(f.WorkflowID)
		failing[i] = orphans.Failing{WorkflowID: f.WorkflowID, RunID: f.RunID, OrderID: orderID, Cause: f.Cause}
	}
	return failing, count, supported, err
}

// NamespaceMark implements [orphans.Sagas].
func (s orphanSagas) NamespaceMark(ctx context.Context, claim orphans.Mark) (mark orphans.Mark, err error) {
	var found json.RawMessage
	if claim == (orphans.Mark{}) {
		found, err = s.ReadMark(ctx, s.namespace)
	} else if text, failed := json.Marshal(claim); failed == nil {
		found, err = s.ClaimNamespace(ctx, s.namespace, text)
	}
	if domain.Code(err) == domain.CodeNotFound {
		return mark, nil
	}
	if err != nil {
		return mark, err
	}
	if err := json.Unmarshal(found, &mark); err != nil {
		return mark, fmt.Errorf("read the mark of namespace %s: %w", s.namespace, err)
	}
	return mark, nil
}

// orphanHistory is the events as the finder wants them.
type orphanHistory struct {
	history
	events *eventstore.Repository
}

// Owes implements [orphans.History].
func (h orphanHistory) Owes(ctx context.Context, o order.Order) (string, error) {
	owed, err := activities.FoldOwed(ctx, h.events, o)
	if err != nil {
		return "", err
	}
	var what []string
	if owed.Money {
		what = append(what, "a void")
	}
	if owed.Refunds > 0 {
		what = append(what, "a refund")
	}
	if owed.Stock {
		what = append(what, "stock")
	}
	return strings.Join(what, ", "), nil
}
