package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"slices"
	"time"

	"github.com/orderloom/orderloom/internal/app"
	"github.com/orderloom/orderloom/internal/config"
	"github.com/orderloom/orderloom/internal/telemetry"
)

// commands in the order in which help shows them.
var commands = []command{
	{"all", "", "run API, worker and projector in one process", serve(config.RoleAll)},
	{"api", "", "run the HTTP API", serve(config.RoleAPI)},
	{"worker", "", "run the sagas' worker and the relay", serve(config.RoleWorker)},
	{"projector", "", "keep the views up to date", serve(config.RoleProjector)},
	{"setup", "", "create what is missing: schema, topics, namespace, search attributes", setup},
	{"migrate", "", "bring the database's schema up to date", migrate},
	{"verify", "[-json] [-no-kafka]", "compare the views and Kafka with the event store", delivery("verify")},
	{"parked", "list|show|retry|discard ...", "what the projections can't go on with", delivery("parked")},
	{"rebuild", "[-dry-run] <projection>", "fill a projection anew from the event store, and swap", delivery("rebuild")},
	{"relay", "status|rewind ...", "how far the publishing to Kafka is; publish again", delivery("relay")},
	{"replay", "<file|workflow id>...", "say whether this version's sagas agree with histories", replayHistories},
	{"erase-customer", "<customer id>", "destroy the key of a customer's personal data, for good", eraseCustomer},
	{"rewrap-keys", "", "wrap all customers' keys under the current master key", tool("rewrap-keys", config.RoleWorker, app.RewrapKeys)},
	{"partitions", "list|archive|unarchive", "list the partitions of the event store; detach the oldest, take it back", partitions},
	{"codec-server", "", "decrypt payloads for the Temporal Web UI and command-line tools", codecServer},
	{"settings", "", "list every setting with its default, as Markdown", settings},
	{"health", "", "ask the process on ORDERLOOM_HTTP_ADDRESS whether it is alive", health},
	{"version", "", "say which build this is", version},
}

// setupTimeout bounds how long setup waits for servers that are still starting.
const setupTimeout = 2 * time.Minute

// collectPercent lets the heap grow to five times what lives before it is collected. What lives is some tens
// of megabytes, and each collection goes through the stacks of all sagas. GOGC overrides it.
const collectPercent = 400

// memoryBytesMax is from where on it is collected more often instead: above it the process grows only by what lives, most
// of which is the cache of open sagas. GOMEMLIMIT overrides it.
const memoryBytesMax = 1 << 30

func collectSeldom() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(collectPercent)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryBytesMax)
	}
}

func serve(role config.Role) func(context.Context, []string, io.Writer) error {
	return func(ctx context.Context, args []string, out io.Writer) error {
		collectSeldom()
		return withPlatform(ctx, args, role, func(cfg config.Config, tel *telemetry.Telemetry) error {
			return app.Run(ctx, cfg, app.Options{Roles: []config.Role{role}, Telemetry: tel, Ready: func(url string) {
				tel.Logger.InfoContext(ctx, "serving", "url", url)
			}})
		})
	}
}

func setup(ctx context.Context, args []string, out io.Writer) error {
	return withPlatform(ctx, args, config.RoleSetup, func(cfg config.Config, tel *telemetry.Telemetry) error {
		ctx, cancel := context.WithTimeout(ctx, setupTimeout)
		defer cancel()
		if err := app.Setup(ctx, cfg, tel); err != nil {
			return err
		}
		fmt.Fprintln(out, "Everything that the platform needs is there.")
		return nil
	})
}

// delivery runs a command about delivery and the views.
func delivery(name string) func(context.Context, []string, io.Writer) error {
	return func(ctx context.Context, args []string, out io.Writer) error {
		collectSeldom() // a rebuild and an audit are as busy as the projector
		return withPlatform(ctx, nil, config.RoleProjector, func(cfg config.Config, tel *telemetry.Telemetry) error {
			return app.Delivery(ctx, cfg, tel, append([]string{name}, args...), out)
		})
	}
}

func migrate(ctx context.Context, args []string, out io.Writer) error {
	return withPlatform(ctx, args, config.RoleMigrate, func(cfg config.Config, tel *telemetry.Telemetry) error {
		if err := app.Migrate(ctx, cfg, tel); err != nil {
			return err
		}
		fmt.Fprintln(out, "The schema is up to date.")
		return nil
	})
}

func replayHistories(ctx context.Context, args []string, out io.Writer) error {
	// Files can be replayed without any server, so no setting is required.
	cfg, err := config.Load(os.LookupEnv)
	if err != nil {
		return usageError{err}
	}
	err = app.Replay(ctx, cfg, args, os.Stdin, out)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	return err
}

func eraseCustomer(ctx context.Context, args []string, out io.Writer) error {
	if len(args) != 1 || args[0] == "" {
		return usageError{errors.New("erase-customer takes one customer id")}
	}
	return withPlatform(ctx, nil, config.RoleWorker, func(cfg config.Config, tel *telemetry.Telemetry) error {
		if err := app.EraseCustomer(ctx, cfg, tel, args[0]); err != nil {
			return err
		}
		fmt.Fprintln(out, "The key is destroyed: within a minute, personal data of this customer reads as erased everywhere.")
		return nil
	})
}

// tool is a command without arguments.
func tool(
	name string, role config.Role, run func(context.Context, config.Config, *telemetry.Telemetry, io.Writer) error,
) func(context.Context, []string, io.Writer) error {
	return func(ctx context.Context, args []string, out io.Writer) error {
		if len(args) > 0 {
			return usageError{fmt.Errorf("%s takes no arguments, got %q", name, args)}
		}
		return withPlatform(ctx, nil, role, func(cfg config.Config, tel *telemetry.Telemetry) error { return run(ctx, cfg, tel, out) })
	}
}

func partitions(ctx context.Context, args []string, out io.Writer) error {
	if len(args) != 1 || !slices.Contains([]string{"list", "archive", "unarchive"}, args[0]) {
		return usageError{errors.New("partitions takes one of list, archive and unarchive")}
	}
	return withPlatform(ctx, nil, config.RoleMigrate, func(cfg config.Config, tel *telemetry.Telemetry) error {
		return app.Partitions(ctx, cfg, tel, args[0], out)
	})
}

func codecServer(ctx context.Context, args []string, _ io.Writer) error {
	return withPlatform(ctx, args, config.RoleCodecServer, func(cfg config.Config, tel *telemetry.Telemetry) error {
		return app.ServeCodec(ctx, cfg, tel)
	})
}

func settings(_ context.Context, _ []string, out io.Writer) error {
	_, err := io.WriteString(out, config.Document())
	return err
}

func version(_ context.Context, _ []string, out io.Writer) error {
	_, err := fmt.Fprintln(out, "orderloom", telemetry.Version())
	return err
}

// withPlatform runs f with the settings of a role and its telemetry, whose last spans it then exports.
func withPlatform(ctx context.Context, args []string, role config.Role, f func(config.Config, *telemetry.Telemetry) error) error {
	if len(args) > 0 {
		return usageError{fmt.Errorf("%s takes no arguments, got %q", role, args)}
	}
	cfg, err := config.Load(os.LookupEnv, role)
	if err != nil {
		return usageError{err}
	}
	tel, err := telemetry.Setup(ctx, cfg.Telemetry, string(role))
	if err != nil {
		return err
	}
	err = f(cfg, tel)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), exportTimeout)
	defer cancel()
	return errors.Join(err, tel.Shutdown(ctx))
}

// exportTimeout bounds the export of the last spans.
const exportTimeout = 5 * time.Second
