package app

import (
	"context"
	"net"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/orderloom/orderloom/codec"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/eventstore"
	"github.com/orderloom/orderloom/internal/config"
	"github.com/orderloom/orderloom/internal/replay"
	"github.com/orderloom/orderloom/internal/telemetry"
	"github.com/orderloom/orderloom/keyring"
	"github.com/orderloom/orderloom/privacy"
	"github.com/orderloom/orderloom/readmodel"
	"github.com/orderloom/orderloom/worker"
	"go.temporal.io/sdk/client"
)

// Replayer returns a replayer of this version's sagas, and how to reach the Temporal server that has
// histories. The server is not asked yet.
func Replayer(cfg config.Config) (*replay.Replayer, func(context.Context) (client.Client, error), error) {
	converters, err := codec.NewConverters(payloadCodec(cfg.Temporal))
	if err != nil {
		return nil, nil, err
	}
	dial := func(ctx context.Context) (client.Client, error) {
		tel, err := telemetry.Setup(ctx, cfg.Telemetry, "replay")
		if err != nil {
			return nil, err
		}
		c, _, err := dialTemporal(cfg.Temporal, tel)
		return c, err
	}
	return replay.New(worker.Sagas(), converters.Data), dial, nil
}

// EraseCustomer destroys the key of a customer's personal data, and says what it did. It may be repeated, and can't be
// undone. Errors: not_found for a customer who never had a key.
func EraseCustomer(ctx context.Context, cfg config.Config, tel *telemetry.Telemetry, customerID string) (done privacy.Erasure, err error) {
	pool, err := openTool(ctx, cfg.Database, tel)
	if err != nil {
		return done, err
	}
	defer pool.Close()
	if err := recordCommand(ctx, pool, cfg, tel, "erase-customer", customerID); err != nil {
		return done, err
	}
	vault, err := openVault(pool, cfg.Privacy)
	if err != nil {
		return done, err
	}
	return vault.Erase(ctx, customerID)
}

// rewrapBatch is how many customers' keys are wrapped anew between two signs of progress.
const rewrapBatch = 1000

// RewrapKeys wraps every customer's key under the current master key, so that an older one may be
// discarded. It may be repeated and interrupted. Errors: those of [keyring.Match].
func RewrapKeys(ctx context.Context, cfg config.Config, tel *telemetry.Telemetry, sofar func(wrapped int)) error {
	pool, err := openTool(ctx, cfg.Database, tel)
	if err != nil {
		return err
	}
	defer pool.Close()
	if err := recordCommand(ctx, pool, cfg, tel, "rewrap-keys", ""); err != nil {
		return err
	}
	vault, err := openVault(pool, cfg.Privacy)
	if err != nil {
		return err
	}
	if err := keyring.Match(ctx, pool, keyring.Master, encryptionKeys(cfg)[keyring.Master]); err != nil {
		return err
	}
	for total := 0; ; {
		n, err := vault.Rewrap(ctx, rewrapBatch)
		total += n
		if err != nil {
			return err
		}
		sofar(total)
		if n == 0 {
			return nil
		}
	}
}

// Partition is a range of the event store.
type Partition = eventstore.Partition

// ListPartitions returns the partitions of the event store, the oldest first.
func ListPartitions(ctx context.Context, cfg config.Config, tel *telemetry.Telemetry) ([]Partition, error) {
	return changePartitions(ctx, cfg, tel, "", func(context.Context, *eventstore.Store) error { return nil })
}

// ArchivePartition detaches the oldest full partition, and returns all that are left, with those that were archived.
func ArchivePartition(ctx context.Context, cfg config.Config, tel *telemetry.Telemetry) ([]Partition, error) {
	return changePartitions(ctx, cfg, tel, "partitions archive", func(ctx context.Context, s *eventstore.Store) error {
		_, err := s.Archive(ctx)
		return err
	})
}

// UnarchivePartition takes the newest archived partition back, and returns all.
func UnarchivePartition(ctx context.Context, cfg config.Config, tel *telemetry.Telemetry) ([]Partition, error) {
	return changePartitions(ctx, cfg, tel, "partitions unarchive", func(ctx context.Context, s *eventstore.Store) error {
		_, err := s.Unarchive(ctx)
		return err
	})
}

// changePartitions carries out a change of the partitions, and returns them afterwards. Action is for the audit, as
// [recordCommand] takes it.
func changePartitions(
	ctx context.Context, cfg config.Config, tel *telemetry.Telemetry, action string, change func(context.Context, *eventstore.Store) error,
) ([]Partition, error) {
	pool, err := openTool(ctx, cfg.Database, tel)
	if err != nil {
		return nil, err
	}
	defer pool.Close()
	store, err := eventstore.Open(ctx, pool, eventstore.Options{Logger: tel.Logger})
	if err != nil {
		return nil, err
	}
	defer func() { _ = store.Close(ctx) }() // nothing was appended
	if err := recordCommand(ctx, pool, cfg, tel, action, ""); err != nil {
		return nil, err
	}
	if err := change(ctx, store); err != nil {
		return nil, err
	}
	return store.Partitions(ctx)
}

// ServeCodec runs the codec server until ctx ends.
func ServeCodec(ctx context.Context, cfg config.Config, tel *telemetry.Telemetry) error {
	c, err := codec.New(payloadCodec(cfg.Temporal))
	if err != nil {
		return err
	}
	o := codecOptions(cfg.Codec)
	o.Registerer, o.Metrics = tel.Registry, tel.MetricsHandler()
	o.Logger, o.Listening = tel.Logger, func(a net.Addr) { tel.Logger.InfoContext(ctx, "serving", "url", baseURL(a)) }
	return codec.Serve(ctx, c, o)
}

func codecOptions(cfg config.Codec) codec.ServerOptions {
	return codec.ServerOptions{
		Address: cfg.Address, Origins: cfg.Origins, Token: string(cfg.Token), Issuer: cfg.Issuer, Audience: cfg.Audience,
	}
}

// EncryptionKeys returns the encryption keys that are known, those of a purpose together.
func EncryptionKeys(ctx context.Context, cfg config.Config, tel *telemetry.Telemetry) ([]keyring.Entry, error) {
	pool, err := openTool(ctx, cfg.Database, tel)
	if err != nil {
		return nil, err
	}
	defer pool.Close()
	return keyring.List(ctx, pool)
}

// RetireEncryptionKey records that nothing needs a key any more. It may be repeated. Errors: not_found; key_in_use for
// a master key that still wraps the key of a customer, and for an index key that contacts are found by.
func RetireEncryptionKey(ctx context.Context, cfg config.Config, tel *telemetry.Telemetry, purpose keyring.Purpose, id string) error {
	pool, err := openTool(ctx, cfg.Database, tel)
	if err != nil {
		return err
	}
	defer pool.Close()
	if err := recordCommand(ctx, pool, cfg, tel, "encryption-keys retire", string(purpose)+"/"+id); err != nil {
		return err
	}
	if purpose == keyring.Index {
		indexed, err := readmodel.IndexedUnder(ctx, pool, id)
		if err != nil {
			return err
		}
		if indexed {
			return domain.Refuse(keyring.CodeKeyInUse, "contacts are still indexed under the index key %q: run \"orderloom rebuild orders\" first", id)
		}
	}
	if purpose == keyring.Payload && cfg.Temporal.EncryptPayloads {
		if err := payloadKeySpare(ctx, pool, id); err != nil {
			return err
		}
	}
	if purpose == keyring.Master {
		wraps, err := privacy.Wraps(ctx, pool, id)
		if err != nil {
			return err
		}
		if wraps {
			return domain.Refuse(keyring.CodeKeyInUse, "the master key %q still wraps keys of customers: run \"orderloom rewrap-keys\" first", id)
		}
	}
	return keyring.Retire(ctx, pool, purpose, id)
}

// payloadKeySpare refuses a payload key that is the last which came into use, or that open orders need.
func payloadKeySpare(ctx context.Context, pool *pgxpool.Pool, id string) error {
	all, err := keyring.List(ctx, pool)
	if err != nil {
		return err
	}
	isThis := func(e keyring.Entry) bool { return e.Purpose == keyring.Payload && e.ID == id && e.InUse() }
	i := slices.IndexFunc(all, isThis)
	if i < 0 {
		return nil
	}
	var next time.Time // when another key came into use
	for _, e := range all {
		if e.Purpose == keyring.Payload && e.InUse() && e.FirstUsedAt.After(all[i].FirstUsedAt) && (next.IsZero() || e.FirstUsedAt.Before(next)) {
			next = e.FirstUsedAt
		}
	}
	if next.IsZero() {
		return domain.Refuse(keyring.CodeKeyInUse, "processes encrypt with the payload key %q: start them with another one in front first. "+
			"When none encrypts any more, set ORDERLOOM_PAYLOAD_ENCRYPTION=false for this command too", id)
	}
	open, err := readmodel.NewReader(pool, readmodel.Options{}).OpenOrders(ctx, next, uuid.Nil, 1)
	if err == nil && len(open) > 0 {
		err = domain.Refuse(keyring.CodeKeyInUse, "orders that the payload key %q may have encrypted are still open, such as %s", id, open[0])
	}
	return err
}
