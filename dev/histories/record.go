package histories

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/orderloom/orderloom/activities"
	"github.com/orderloom/orderloom/dev/stack"
	"github.com/orderloom/orderloom/domain/inventory"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/eventstore"
	"github.com/orderloom/orderloom/internal/app"
	"github.com/orderloom/orderloom/internal/config"
	"github.com/orderloom/orderloom/internal/progress"
	"github.com/orderloom/orderloom/internal/replay"
	"github.com/orderloom/orderloom/internal/telemetry"
	"github.com/orderloom/orderloom/internal/testing/plainvault"
	"github.com/orderloom/orderloom/payments/sandbox"
	"github.com/orderloom/orderloom/worker"
	"go.temporal.io/api/temporalproto"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
)

const (
	pathTimeout  = time.Minute
	setupTimeout = time.Minute
	drainTimeout = 5 * time.Second
	identity     = "recorder"
)

// The two places where stock may lie, and the total above which orders are held.
var (
	locations = []inventory.Location{{ID: "berlin", Country: "DE"}, {ID: "reno", Country: "US"}}
	review    = activities.ReviewRules{Above: []money.Money{money.Must("1000.00", "EUR")}}
)

// Record plays every path and writes the histories into dir, one file for each execution, and removes
// those of paths that are no more.
func Record(ctx context.Context, dir string, say progress.Log) (err error) {
	s, err := stack.Start(ctx, stack.Options{Log: say})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Stop(context.WithoutCancel(ctx))) }()
	w, err := open(ctx, s)
	if err != nil {
		return err
	}
	defer w.temporal.Close()
	running, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- worker.Run(running, slog.New(slog.DiscardHandler), w.worker) }()
	defer func() { stop(); err = errors.Join(err, <-ended) }()

	files := map[string]bool{}
	for _, p := range paths {
		if err := w.record(ctx, dir, p, files); err != nil {
			return fmt.Errorf("play %s: %w", p.name, err)
		}
	}
	say("%d histories of %d paths are in %s", len(files), len(paths), dir)
	return removeOthers(dir, files)
}

// world is what the sagas work with: the event store in memory, the sandbox gateway, and Temporal.
type world struct {
	temporal   client.Client
	namespace  string
	gateway    *faulty
	activities *activities.Activities
}

func open(ctx context.Context, s *stack.Stack) (*world, error) {
	settings := s.Environment()
	cfg, err := config.Load(func(name string) (string, bool) { v, ok := settings[name]; return v, ok }, config.RoleSetup)
	if err != nil {
		return nil, err
	}
	tel, err := telemetry.Setup(ctx, cfg.Telemetry, string(config.RoleSetup))
	if err != nil {
		return nil, err
	}
	tel.Logger = slog.New(slog.DiscardHandler)
	setup, cancel := context.WithTimeout(ctx, setupTimeout)
	defer cancel()
	if err := app.Setup(setup, cfg, tel); err != nil {
		return nil, err
	}
	sandboxed, err := sandbox.Open("")
	if err != nil {
		return nil, err
	}
	w := &world{namespace: cfg.Temporal.Namespace, gateway: &faulty{Gateway: sandboxed}}
	w.activities = activities.New(activities.Options{
		Events:  eventstore.NewRepository(eventstore.NewMemory(), eventstore.RepositoryOptions{}),
		Gateway: w.gateway, Vault: plainvault.Vault{}, Locations: locations, Review: review, Trying: true,
	})
	if err := w.activities.SeedLocations(ctx, time.Now()); err != nil {
		return nil, err
	}
	w.temporal, err = client.DialContext(ctx, client.Options{
		HostPort: s.TemporalAddress, Namespace: cfg.Temporal.Namespace, Identity: identity,
		Logger: log.NewStructuredLogger(slog.New(slog.DiscardHandler)),
	})
	return w, err
}

// record plays one path and writes the histories of what ran on it.
func (w *world) record(ctx context.Context, dir string, p path, files map[string]bool) error {
	pl := newPlayer(ctx, w, p)
	defer pl.stop()
	if err := p.play(pl); err != nil {
		return err
	}
	for _, id := range pl.executions {
		h, err := replay.Fetch(ctx, w.temporal, id, "")
		if err != nil {
			return err
		}
		saga := h.Events[0].GetWorkflowExecutionStartedEventAttributes().GetWorkflowType().GetName()
		name := p.name + "." + saga + ".json"
		if files[name] {
			return fmt.Errorf("two executions of %s", saga)
		}
		text, err := temporalproto.CustomJSONMarshalOptions{Indent: "  "}.Marshal(h)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, name), append(text, '\n'), 0o644); err != nil {
			return err
		}
		files[name] = true
	}
	return nil
}

func removeOthers(dir string, files map[string]bool) error {
	all, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		return err
	}
	for _, file := range all {
		if !files[filepath.Base(file)] {
			if err := os.Remove(file); err != nil {
				return err
			}
		}
	}
	return nil
}
