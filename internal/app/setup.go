package app

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/orderloom/orderloom/broker"
	"github.com/orderloom/orderloom/internal/config"
	"github.com/orderloom/orderloom/internal/telemetry"
	"github.com/orderloom/orderloom/migrations"
)

// Migrate brings the database's schema up to date, and gives the role of the processes what it needs. It returns the
// migrations of a newer program that the schema has besides; those stay. It may be repeated, and by several processes
// at once.
func Migrate(ctx context.Context, cfg config.Config, tel *telemetry.Telemetry) (newer []migrations.Migration, err error) {
	pool, err := openPool(ctx, cfg.Database, tel)
	if err != nil {
		return nil, err
	}
	defer pool.Close()
	if err := reachable(pool).ask(ctx); err != nil {
		return nil, err
	}
	if err := migrations.Apply(ctx, pool); err != nil {
		return nil, err
	}
	if cfg.Database.RuntimeRole != "" {
		if err := migrations.GrantRuntime(ctx, pool, cfg.Database.RuntimeRole); err != nil {
			return nil, err
		}
	}
	state, err := migrations.Inspect(ctx, pool)
	return state.Newer, err
}

// reachable is a database that the platform can be put into, without regard to what is in it.
func reachable(pool *pgxpool.Pool) server {
	return databaseServer(func(ctx context.Context) error {
		if err := pool.Ping(ctx); err != nil {
			return refusedByPooler(err)
		}
		return checkEncoding(ctx, pool)
	})
}

// Setup creates what the platform needs and is not there yet: the schema, the topics, the Temporal
// namespace and its search attributes. It may be repeated, and waits for servers that are still
// starting as long as ctx lasts. Errors: [ErrRefused].
func Setup(ctx context.Context, cfg config.Config, tel *telemetry.Telemetry) error {
	if err := setupDatabase(ctx, cfg, tel); err != nil {
		return fmt.Errorf("set up the database: %w", err)
	}
	kafka, err := brokerConfig(cfg, tel.Logger)
	if err != nil {
		return err
	}
	if err := reachedKafka(kafka).await(ctx, tel.Logger); err != nil {
		return err
	}
	if err := broker.EnsureTopics(ctx, kafka); err != nil {
		return fmt.Errorf("set up Kafka: %w", err)
	}
	if err := setupRegistry(ctx, cfg.Kafka, tel.Logger); err != nil {
		return err
	}
	c, _, err := dialTemporal(cfg.Temporal, tel)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := reachedTemporal(c).await(ctx, tel.Logger); err != nil {
		return err
	}
	if err := setupTemporal(ctx, c, cfg.Temporal); err != nil {
		return fmt.Errorf("set up Temporal at %s: %w", cfg.Temporal.Address, err)
	}
	return nil
}

func setupDatabase(ctx context.Context, cfg config.Config, tel *telemetry.Telemetry) error {
	pool, err := openPool(ctx, cfg.Database, tel)
	if err != nil {
		return err
	}
	defer pool.Close()
	if err := reachable(pool).await(ctx, tel.Logger); err != nil {
		return err
	}
	_, err = Migrate(ctx, cfg, tel)
	return err
}

// openTool returns a pool for a command, of a database that fits this program. Errors: ErrUnfit.
func openTool(ctx context.Context, cfg config.Database, tel *telemetry.Telemetry) (*pgxpool.Pool, error) {
	pool, err := openPool(ctx, cfg, tel)
	if err != nil {
		return nil, err
	}
	if err := checkDatabase(ctx, pool, tel.Logger); err != nil {
		pool.Close()
		return nil, err
	}
	return pool, nil
}

// openPool returns a pool that connects when it is first used: a platform may start before its database.
func openPool(ctx context.Context, cfg config.Database, tel *telemetry.Telemetry) (*pgxpool.Pool, error) {
	pc, err := poolConfig(cfg)
	if err != nil {
		return nil, err
	}
	pc.ConnConfig.Tracer = tel.QueryTracer()
	pool, err := pgxpool.NewWithConfig(ctx, pc)
	if err != nil {
		return nil, fmt.Errorf("open a pool of database connections: %w", err)
	}
	return pool, nil
}

func poolConfig(cfg config.Database) (*pgxpool.Config, error) {
	pc, err := pgxpool.ParseConfig(string(cfg.URL))
	if err != nil {
		return nil, fmt.Errorf("read DATABASE_URL: %w", err)
	}
	pc.MaxConns, pc.MinConns = cfg.ConnectionsMax, cfg.ConnectionsMin
	// A connection that was used just now is not asked again whether it lives. At rest those questions would be half of
	// all that PostgreSQL is asked.
	pc.ShouldPing = func(_ context.Context, p pgxpool.ShouldPingParams) bool { return p.IdleDuration > pingAfter }
	pc.ConnConfig.ConnectTimeout = cfg.ConnectTimeout
	pc.ConnConfig.RuntimeParams["application_name"] = "orderloom"
	pc.ConnConfig.RuntimeParams["statement_timeout"] = fmt.Sprint(cfg.StatementTimeout.Milliseconds())
	if _, given := pc.ConnConfig.RuntimeParams[idleInTransaction]; !given {
		// Afterwards, because a pooler may refuse to start a session with a setting that it does not know.
		pc.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
			_, err := conn.Exec(ctx, "SELECT set_config($1, $2, false)", idleInTransaction, fmt.Sprint(idleInTransactionMax.Milliseconds()))
			return err
		}
	}
	return pc, nil
}

const (
	// pingAfter is how long a connection is idle before it is asked whether it lives.
	pingAfter = 3 * time.Second
	// idleInTransaction is PostgreSQL's setting after which it ends a session that does nothing within a transaction.
	idleInTransaction = "idle_in_transaction_session_timeout"
	// idleInTransactionMax is longer than any transaction waits for something outside of PostgreSQL. A process that is
	// frozen or cut off in the middle of one keeps its row locks until then, and others wait for them.
	idleInTransactionMax = 30 * time.Second
)
