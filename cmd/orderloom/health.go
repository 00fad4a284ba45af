package main

import (
	"context"
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
		Short: "Ask the process on ORDERLOOM_HTTP_ADDRESS whether it is alive",
		Long: `Ask the process that listens on ORDERLOOM_HTTP_ADDRESS whether it is alive. It is for containers, whose
image has no other program to ask with.`,
		Args: arguments(),
		RunE: p.runs(func(ctx context.Context, _ []string) error {
			cfg, err := config.Load(p.lookup)
			if err != nil {
				return usageError{err}
			}
			return askHealth(ctx, cfg.HTTP.Address, p.stdout)
		}),
	}
}

// askHealth writes "alive" when the process at address is.
func askHealth(ctx context.Context, address string, out io.Writer) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return wrongUsage("ORDERLOOM_HTTP_ADDRESS: %w", err)
	}
	if ip := net.ParseIP(host); host == "" || ip.IsUnspecified() {
		host = "localhost"
	}
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	url := "http://" + net.JoinHostPort(host, port) + "/health"
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answered %s", url, response.Status)
	}
	_, err = fmt.Fprintln(out, "alive")
	return err
}
