package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/orderloom/orderloom/internal/config"
	"github.com/spf13/cobra"
)

// healthTimeout bounds the question. A process that takes longer is not well.
const healthTimeout = 3 * time.Second

func (p *program) healthCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "health",
		Short: "Ask the process on this machine whether it is alive",
		Long: `Ask the process that listens on ORDERLOOM_OPERATIONS_ADDRESS, or else on ORDERLOOM_HTTP_ADDRESS, whether it is alive.
It is for containers, whose image has no other program to ask with. Where clients need a certificate (mutual TLS), set
the first: this command has none.`,
		Args: arguments(),
		RunE: p.runs(func(ctx context.Context, _ []string) error {
			cfg, err := config.Load(p.lookup)
			if err != nil {
				return usageError{err}
			}
			if address := cfg.HTTP.OperationsAddress; address != "" {
				return askHealth(ctx, "http", "ORDERLOOM_OPERATIONS_ADDRESS", address, p.stdout)
			}
			scheme := "http"
			if cfg.HTTP.TLS.CertFile != "" {
				scheme = "https"
			}
			return askHealth(ctx, scheme, "ORDERLOOM_HTTP_ADDRESS", cfg.HTTP.Address, p.stdout)
		}),
	}
}

// askHealth writes "alive" when the process at the address of a setting is. Whose certificate it has does not matter,
// because it is on this machine and is told nothing.
func askHealth(ctx context.Context, scheme, setting, address string, out io.Writer) error {
	host, err := localHost(setting, address)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	url := scheme + "://" + host + "/health"
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return err
	}
	anyone := &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12}
	asking := &http.Client{Transport: &http.Transport{TLSClientConfig: anyone}}
	defer asking.CloseIdleConnections()
	response, err := asking.Do(request)
	if err != nil {
		return fmt.Errorf("the process that %s names does not answer: %w", setting, errors.Unwrap(err))
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return foundError{fmt.Errorf("%s answered %s", url, response.Status)}
	}
	_, err = fmt.Fprintln(out, "alive")
	return err
}

// localHost is the host and port of the process on this machine that listens on the address of a setting.
func localHost(setting, address string) (string, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return "", wrongUsage("%s: %w", setting, err)
	}
	if ip := net.ParseIP(host); host == "" || ip.IsUnspecified() {
		host = "localhost"
	}
	return net.JoinHostPort(host, port), nil
}
