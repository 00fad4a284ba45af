package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"runtime"
	"time"

	"github.com/orderloom/orderloom/internal/app"
	"github.com/orderloom/orderloom/internal/config"
	"github.com/orderloom/orderloom/internal/telemetry"
	"github.com/spf13/cobra"
)

// Bounds of a support bundle.
const (
	bundleMetricsTimeout  = 5 * time.Second
	bundleMetricsBytesMax = 16 << 20
)

const bundleReadme = `A support bundle of Orderloom.

It tells how the platform is: what the doctor finds, settings without secrets, versions, the schema, sizes of tables,
what is parked, counts of what waits for a person, sagas that have failed, and the metrics of a process. It holds no
secret, no payload, no name, address, email address or phone number, and no text that a customer wrote.
Look through it before you give it away all the same.

A part that could not be had has a file that ends with .error, which says why.
`

func (p *program) bundleCommand() *cobra.Command {
	var file string
	var output *format
	c := &cobra.Command{
		Use:   "bundle --file <path>",
		Short: "Write a redacted support bundle: how the platform is, without secrets and personal data",
		Long: `Write a support bundle, a tar.gz file, for those who help. It has what "orderloom doctor" finds, settings without
secrets, versions, the state of the schema, sizes of tables, what is parked, counts of what waits for a person, sagas
that have failed, and the metrics of the process on this machine. It holds no secret and no personal data.

It needs no setting: a part that can't be had says so in the bundle, and does not count for the exit status. It changes
nothing in the platform. A file that is there already is not replaced.`,
		Args: arguments(),
	}
	c.Flags().StringVar(&file, "file", "", "where the bundle is written, such as bundle.tar.gz")
	_ = c.MarkFlagRequired("file") // it is there
	c.RunE = p.runs(func(ctx context.Context, _ []string) error {
		cfg, err := config.Load(p.lookup)
		if err != nil {
			return usageError{err}
		}
		cfg.Telemetry.LogLevel = slog.LevelError + 1 // what can't be had is told in the bundle
		tel, err := telemetry.Setup(ctx, cfg.Telemetry, "bundle")
		if err != nil {
			return err
		}
		out, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600) //nolint:gosec // whoever runs the command names it
		if err != nil {
			return wrongUsage("--file: %w", err)
		}
		w := newBundle(out, newRedaction(p.lookup))
		err = errors.Join(p.fillBundle(ctx, w, cfg, tel), w.close(), out.Close(), tel.Shutdown(ctx), ctx.Err())
		if err != nil {
			return errors.Join(err, os.Remove(file))
		}
		return p.say(*output, map[string]any{"file": file, "parts_lacking": w.lacking}, "The bundle is %s. %d parts could not be had.", file, w.lacking)
	})
	output = outputFlag(c)
	return c
}

// fillBundle writes all parts. An error is one of the file.
func (p *program) fillBundle(ctx context.Context, w *bundleWriter, cfg config.Config, tel *telemetry.Telemetry) error {
	p.does("collecting the bundle")
	err := errors.Join(
		w.text("README.txt", bundleReadme),
		w.json("version.json", map[string]string{
			"orderloom": telemetry.Version(), "go": runtime.Version(), "os": runtime.GOOS, "architecture": runtime.GOARCH,
			"made_at": time.Now().UTC().Format(time.RFC3339),
		}),
		w.json("settings.json", w.redaction.settings(p.lookup)),
	)
	for _, part := range app.BundleParts(cfg, tel) {
		found, failed := part.Get(ctx)
		if failed != nil {
			err = errors.Join(err, w.failure(part.Name, failed))
		}
		if failed == nil || part.Name == "doctor" { // the doctor has findings in any case
			err = errors.Join(err, w.json(part.Name+".json", found))
		}
	}
	metrics, failed := ownMetrics(ctx, cfg)
	if failed != nil {
		return errors.Join(err, w.failure("metrics", failed))
	}
	return errors.Join(err, w.text("metrics.txt", metrics))
}

// ownMetrics asks the process on this machine for its metrics.
func ownMetrics(ctx context.Context, cfg config.Config) (string, error) {
	address := cfg.HTTP.OperationsAddress
	if address == "" {
		address = cfg.HTTP.Address
	}
	host, err := localHost("ORDERLOOM_OPERATIONS_ADDRESS", address)
	if err != nil {
		return "", err
	}
	at := "http://" + host + "/metrics"
	ctx, cancel := context.WithTimeout(ctx, bundleMetricsTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, at, http.NoBody)
	if err != nil {
		return "", err
	}
	if cfg.Remote.Key != "" {
		request.Header.Set("Authorization", "Bearer "+string(cfg.Remote.Key))
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s answered %s: set ORDERLOOM_OPERATIONS_ADDRESS, or ORDERLOOM_KEY to a key with metrics:read", at, response.Status)
	}
	text, err := io.ReadAll(io.LimitReader(response.Body, bundleMetricsBytesMax))
	return string(text), err
}

// bundleWriter writes a tar.gz file, and lets nothing through that must not be seen.
type bundleWriter struct {
	redaction *redaction
	zip       *gzip.Writer
	tar       *tar.Writer
	lacking   int
}

func newBundle(out io.Writer, r *redaction) *bundleWriter {
	zip := gzip.NewWriter(out)
	return &bundleWriter{redaction: r, zip: zip, tar: tar.NewWriter(zip)}
}

func (w *bundleWriter) close() error { return errors.Join(w.tar.Close(), w.zip.Close()) }

func (w *bundleWriter) text(name, text string) error {
	text = w.redaction.redact(text)
	header := &tar.Header{Name: "orderloom-bundle/" + name, Mode: 0o600, Size: int64(len(text)), ModTime: time.Now()}
	if err := w.tar.WriteHeader(header); err != nil {
		return err
	}
	_, err := io.WriteString(w.tar, text)
	return err
}

func (w *bundleWriter) json(name string, value any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	if err := e.Encode(value); err != nil {
		return err
	}
	return w.text(name, b.String())
}

func (w *bundleWriter) failure(name string, why error) error {
	w.lacking++
	return w.text(name+".error", why.Error()+"\n")
}
