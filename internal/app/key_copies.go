package app

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/broker"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/eventstore"
	"github.com/orderloom/orderloom/internal/backoff"
	"github.com/orderloom/orderloom/internal/drain"
	"github.com/orderloom/orderloom/privacy"
	"github.com/orderloom/orderloom/recovery"
)

const (
	// copyKeysEvery is how often customers' keys that have changed are copied to Kafka.
	copyKeysEvery = time.Second
	// copyKeysMax is how many are copied at once.
	copyKeysMax = 500
	// copyKeysTimeout bounds for how long an erasure waits for a copy that is under way.
	copyKeysTimeout = 5 * time.Second
)

// keyCopies copies customers' keys to Kafka, unless the store is unconfirmed: its keys may be older.
type keyCopies struct {
	vault *privacy.Vault
	store *eventstore.Store
	guard *recovery.Guard
	to    *broker.Writer
	log   *slog.Logger
}

// Run copies until ctx ends, and then what was changed last, such as by an erasure.
func (k *keyCopies) Run(ctx context.Context) error {
	wait := backoff.New()
	var complaint backoff.Complaint
	answers := false
	for ctx.Err() == nil {
		err := k.guard.Await(ctx)
		if err == nil {
			err = k.copy(ctx, false)
		}
		answers = err == nil
		if err != nil {
			if complaint.Due(err) && ctx.Err() == nil {
				k.log.WarnContext(ctx, "customers' keys could not be copied to Kafka, trying again", "error", err)
			}
			_ = wait.Wait(ctx) // the loop looks whether ctx has ended
			continue
		}
		wait.Reset()
		complaint.Over()
		_ = backoff.Pause(ctx, copyKeysEvery) // the same
	}
	if !answers {
		return nil // the next process copies them
	}
	return k.copy(ctx, false)
}

// first copies all keys that have changed, and waits for those that others are copying.
func (k *keyCopies) first(ctx context.Context) error { return k.copy(ctx, true) }

// copy copies all keys that have changed. What is under way ends a little after ctx does. Wait is as in
// [privacy.Vault.CopyOut].
func (k *keyCopies) copy(ctx context.Context, wait bool) error {
	for {
		attempt, cancel := drain.Timeout(ctx, copyKeysTimeout)
		n, err := k.vault.CopyOut(attempt, copyKeysMax, wait, k.send)
		cancel()
		if err != nil || n < copyKeysMax || ctx.Err() != nil {
			return err
		}
	}
}

func (k *keyCopies) send(ctx context.Context, keys []privacy.Copy) error {
	identity, err := k.store.Identity(ctx)
	if err != nil {
		return err
	}
	copies := make([]broker.Copy, len(keys))
	for i, c := range keys {
		value, err := json.Marshal(c)
		if err != nil {
			return fmt.Errorf("copy key %s: %w", c.Name(), err)
		}
		copies[i] = broker.Copy{Name: copyName(identity.ID, c), Value: value, Last: c.Wrapped == nil}
	}
	return k.to.WriteCopies(ctx, copies)
}

const (
	// copiedNamesMax bounds the names of copied keys that are remembered, to copy no key in vain.
	copiedNamesMax = 100_000
	// copyFailedPause is for how long events go without the copies of their keys, once these can't be made.
	copyFailedPause = 5 * time.Second
)

// keysFirst publishes events after the keys under which their personal data are sealed. Otherwise an event could be
// taken back after the loss of the database, and its personal data would be lost. When keys can't be copied, such as
// without their topic, that holds up no event. One relay uses it.
type keysFirst struct {
	*broker.Writer
	copy     func(context.Context) error
	copied   map[string]bool
	failedAt time.Time
}

// sealedKey finds the name of a key in an event's payload.
var sealedKey = regexp.MustCompile(`"personal":\s*\{\s*"key":\s*"([^"]+)"`)

// Publish implements [relay.Publisher].
func (k *keysFirst) Publish(ctx context.Context, events []domain.Envelope) ([]domain.Envelope, error) {
	var names []string
	for _, e := range events {
		if !bytes.Contains(e.Payload, []byte(`"personal"`)) {
			continue
		}
		for _, found := range sealedKey.FindAllSubmatch(e.Payload, -1) {
			if name := string(found[1]); !k.copied[name] {
				names = append(names, name)
			}
		}
	}
	if len(names) > 0 && time.Since(k.failedAt) > copyFailedPause {
		k.failedAt = time.Time{}
		if err := k.copy(ctx); err != nil {
			k.failedAt = time.Now()
		} else {
			k.remember(names)
		}
	}
	return k.Writer.Publish(ctx, events)
}

func (k *keysFirst) remember(names []string) {
	if len(k.copied)+len(names) > copiedNamesMax || k.copied == nil {
		k.copied = map[string]bool{}
	}
	for _, name := range names {
		k.copied[name] = true
	}
}

// copyName is the name of a copy: several stores may share a Kafka.
func copyName(store uuid.UUID, k privacy.Copy) string { return store.String() + "/" + k.Name() }

// readCopy reads what a topic holds under the name of a copy of this store.
func readCopy(store uuid.UUID, name string, value []byte) (privacy.Copy, error) {
	var c privacy.Copy
	if err := json.Unmarshal(value, &c); err != nil || copyName(store, c) != name {
		return privacy.Copy{}, fmt.Errorf("%s holds something under %q that is no copy of a key", broker.CustomerKeys, name)
	}
	return c, nil
}

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
		c, err := readCopy(identity.ID, name, value)
		if err != nil {
			return 0, 0, err
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
