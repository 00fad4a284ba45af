package app

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/broker"
	"github.com/orderloom/orderloom/eventstore"
	"github.com/orderloom/orderloom/internal/backoff"
	"github.com/orderloom/orderloom/privacy"
)

const (
	// copyKeysEvery is how often customers' keys that have changed are copied to Kafka.
	copyKeysEvery = time.Second
	// copyKeysMax is how many are copied at once.
	copyKeysMax = 500
	// copyKeysTimeout bounds for how long an erasure waits for a copy that is under way.
	copyKeysTimeout = 5 * time.Second
)

// copyKeys copies customers' keys to Kafka until ctx ends, unless the store is unconfirmed: its keys may be older.
func (p *platform) copyKeys(w *broker.Writer) func(context.Context) error {
	send := func(ctx context.Context, keys []privacy.Copy) error {
		identity, err := p.store.Identity(ctx)
		if err != nil {
			return err
		}
		copies := make([]broker.Copy, len(keys))
		for i, k := range keys {
			value, err := json.Marshal(k)
			if err != nil {
				return fmt.Errorf("copy key %s: %w", k.Name(), err)
			}
			copies[i] = broker.Copy{Name: copyName(identity.ID, k), Value: value}
		}
		return w.WriteCopies(ctx, copies)
	}
	return func(ctx context.Context) error {
		wait := backoff.New()
		var complaint backoff.Complaint
		for ctx.Err() == nil {
			n, err := 0, p.guard.Await(ctx)
			if err == nil {
				attempt, cancel := context.WithTimeout(ctx, copyKeysTimeout)
				n, err = p.vault.CopyOut(attempt, copyKeysMax, send)
				cancel()
			}
			if err != nil {
				if complaint.Due(err) && ctx.Err() == nil {
					p.tel.Logger.WarnContext(ctx, "customers' keys could not be copied to Kafka, trying again", "error", err)
				}
				_ = wait.Wait(ctx) // the loop looks whether ctx has ended
				continue
			}
			wait.Reset()
			complaint.Over()
			if n < copyKeysMax {
				_ = backoff.Pause(ctx, copyKeysEvery) // the same
			}
		}
		return nil
	}
}

// copyName is the name of a copy: several stores may share a Kafka.
func copyName(store uuid.UUID, k privacy.Copy) string { return store.String() + "/" + k.Name() }

// recoverKeys is the copies of customers' keys as package recovery wants them.
type recoverKeys struct {
	vault *privacy.Vault
	store *eventstore.Store
	cfg   broker.Config
}

// Recover implements [recovery.Keys].
func (k recoverKeys) Recover(ctx context.Context, dry bool) (erased, taken int, err error) {
	identity, err := k.store.Identity(ctx)
	if err != nil {
		return 0, 0, err
	}
	newest, err := broker.ReadCopies(ctx, k.cfg)
	if err != nil {
		return 0, 0, err
	}
	copies := make([]privacy.Copy, 0, len(newest))
	for name, value := range newest {
		if !strings.HasPrefix(name, identity.ID.String()) {
			continue
		}
		var c privacy.Copy
		if err := json.Unmarshal(value, &c); err != nil || copyName(identity.ID, c) != name {
			return 0, 0, fmt.Errorf("%s holds something under %q that is no copy of a key", broker.CustomerKeys, name)
		}
		copies = append(copies, c)
	}
	for batch := range slices.Chunk(copies, copyKeysMax) {
		e, t, err := k.vault.TakeBack(ctx, batch, dry)
		if err != nil {
			return erased, taken, err
		}
		erased, taken = erased+e, taken+t
	}
	return erased, taken, nil
}
