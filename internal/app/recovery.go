package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/orderloom/orderloom/broker"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/eventstore"
	"github.com/orderloom/orderloom/internal/advisory"
	"github.com/orderloom/orderloom/internal/config"
	"github.com/orderloom/orderloom/internal/failure"
	"github.com/orderloom/orderloom/internal/telemetry"
	"github.com/orderloom/orderloom/invoicing"
	"github.com/orderloom/orderloom/recovery"
	"github.com/orderloom/orderloom/sagaclient"
)

// guardOptions returns how the store is watched. Processes that append nothing only ask the store.
func (p *platform) guardOptions(appends bool) recovery.Options {
	o := recovery.Options{
		Sources: recovery.Sources{Store: p.store}, ByHand: p.cfg.Database.ConfirmByHand, Logger: p.tel.Logger, Registerer: p.tel.Registry,
	}
	if appends {
		o.Sources = p.sources()
		o.Carry = func(ctx context.Context) (locked bool, err error) {
			_, locked, err = p.recover(ctx, false, func(format string, args ...any) {
				p.tel.Logger.InfoContext(ctx, "recovering the event store", "done", fmt.Sprintf(format, args...))
			})
			return locked, err
		}
	}
	return o
}

// whenConfirmed does what appends as soon as the store is confirmed.
func (p *platform) whenConfirmed(ctx context.Context, do func() error) error {
	for {
		if err := p.guard.Await(ctx); err != nil {
			return err
		}
		if err := do(); !errors.Is(err, eventstore.ErrUnconfirmed) {
			return err
		}
	}
}

// Unconfirmed returns an error while the event store takes no append, which says why.
func (m *Maintenance) Unconfirmed(ctx context.Context) error {
	identity, err := m.Store.Identity(ctx)
	if err == nil && !identity.Confirmed {
		err = fmt.Errorf("%w (%s)", eventstore.ErrUnconfirmed, identity.Reason)
	}
	return err
}

// VerifyStore compares the store with what others know of it, and doubts its epoch when they know more. Kafka and the
// mark at Temporal may be left out; without their settings they are.
func (m *Maintenance) VerifyStore(ctx context.Context, kafka, mark bool) (recovery.Verification, error) {
	s := recovery.Sources{Store: m.Store}
	if kafka && len(m.Broker.Brokers) > 0 {
		s.Kafka = kafkaEvidence{m.Broker}
	}
	if mark && m.cfg.Temporal.Address != "" {
		c, memos, err := dialTemporal(m.cfg.Temporal, m.tel)
		if err != nil {
			return recovery.Verification{}, err
		}
		defer c.Close()
		s.Marks = temporalMarks{sagaclient.New(c, memos, deadlines(m.cfg.Orders), ""), m.cfg.Temporal.Namespace}
	}
	return s.Verify(ctx, nil)
}

// recovery returns what takes back what the store has lost.
func (p *platform) recovery(progress func(format string, args ...any)) *recovery.Recovery {
	return recovery.New(recovery.Parts{
		Sources: p.sources(), Sagas: p.sagas(), Order: history{p.store}.Order, Progress: progress,
		Invoiced: func(ctx context.Context) (int64, error) { return invoicing.Position(ctx, p.pool) },
		Keys:     recoverKeys{p.vault, p.store, p.kafka},
	})
}

// recover carries out a recovery, unless another process does so: it is locked then.
func (p *platform) recover(ctx context.Context, acceptLoss bool, progress func(format string, args ...any)) (f recovery.Found, locked bool, err error) {
	conn, err := p.pool.Acquire(ctx)
	if err != nil {
		return f, false, fmt.Errorf("connect: %w", err)
	}
	defer conn.Release()
	free, err := advisory.TryLock(ctx, conn, advisory.Recovery, "")
	if err != nil || !free {
		return f, !free, err
	}
	defer advisory.Unlock(ctx, conn, advisory.Recovery, "")
	f, err = p.recovery(progress).Carry(ctx, acceptLoss)
	return f, false, err
}

// LookForLoss finds what others know and the event store does not, and what a recovery would do. It changes nothing.
func LookForLoss(ctx context.Context, cfg config.Config, tel *telemetry.Telemetry, progress func(format string, args ...any)) (f recovery.Found, err error) {
	p, err := open(ctx, cfg, Options{Telemetry: tel})
	if err != nil {
		return f, err
	}
	f, err = p.recovery(progress).Look(ctx)
	return f, errors.Join(err, p.close(ctx))
}

// Recover takes back what the event store has lost, and confirms it. It may be repeated. Errors:
// [recovery.ErrIncomplete] when something is lost for good and acceptLoss is not set; another recovery is under way.
func Recover(
	ctx context.Context, cfg config.Config, tel *telemetry.Telemetry, acceptLoss bool, progress func(format string, args ...any),
) (f recovery.Found, err error) {
	p, err := open(ctx, cfg, Options{Telemetry: tel})
	if err != nil {
		return f, err
	}
	if err := recordCommand(ctx, p.pool, cfg, p.tel, "recover", ""); err != nil {
		return f, errors.Join(err, p.close(ctx))
	}
	f, locked, err := p.recover(ctx, acceptLoss, progress)
	if locked {
		err = failure.Passing(errors.New("another process recovers the event store already: wait until it has ended"))
	}
	return f, errors.Join(err, p.close(ctx))
}

// sources are the store and what lies outside of it.
func (p *platform) sources() recovery.Sources {
	return recovery.Sources{
		Store: p.store, Kafka: kafkaEvidence{p.kafka}, Marks: temporalMarks{p.sagas(), p.cfg.Temporal.Namespace},
		Published: published{p.store, p.pool}.Published,
	}
}

// kafkaEvidence is Kafka as package recovery wants it.
type kafkaEvidence struct{ cfg broker.Config }

// Tail implements [recovery.Kafka].
func (k kafkaEvidence) Tail(ctx context.Context, count, knownEnds int64) (broker.Tail, error) {
	return broker.ReadTail(ctx, k.cfg, count, knownEnds)
}

// Scan implements [recovery.Kafka].
func (k kafkaEvidence) Scan(ctx context.Context, progress func(read, all int64), each func(broker.Published) error) error {
	return broker.Scan(ctx, k.cfg, progress, each)
}

// temporalMarks keeps the mark beside the one that says whose namespace it is.
type temporalMarks struct {
	sagas     *sagaclient.Client
	namespace string
}

// ReadMark implements [recovery.Marks].
func (m temporalMarks) ReadMark(ctx context.Context) (mark recovery.Mark, err error) {
	text, err := m.sagas.ReadReach(ctx, m.namespace)
	if domain.Code(err) == domain.CodeNotFound {
		return mark, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &mark)
	}
	if err != nil {
		return mark, fmt.Errorf("read how far the store was by namespace %s: %w", m.namespace, err)
	}
	return mark, nil
}

// WriteMark implements [recovery.Marks]. A namespace of another store is left alone.
func (m temporalMarks) WriteMark(ctx context.Context, mark recovery.Mark) error {
	text, err := json.Marshal(mark)
	if err != nil {
		return fmt.Errorf("write the mark: %w", err)
	}
	claim, err := orphanSagas{m.sagas, m.namespace}.NamespaceMark(ctx, orphansMark(mark.Store))
	if err != nil || claim.Store != mark.Store {
		return err
	}
	return m.sagas.WriteReach(ctx, m.namespace, text)
}
