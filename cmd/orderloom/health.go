package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/orderloom/orderloom/internal/config"
)

// healthTimeout bounds the question; a process that takes longer is not well.
const healthTimeout = 3 * time.Second

// health asks the process that listens on ORDERLOOM_HTTP_ADDRESS whether it is alive. It is for
// containers, whose image has no other program to ask with.
func health(ctx context.Context, args []string, out io.Writer) error {
	if len(args) > 0 {
		return usageError{fmt.Errorf("health takes no arguments, got %q", args)}
	}
	cfg, err := config.Load(os.LookupEnv)
	if err != nil {
		return usageError{err}
	}
	return askHealth(ctx, cfg.HTTP.Address, out)
}

func askHealth(ctx context.Context, address string, out io.Writer) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return usageError{fmt.Errorf("ORDERLOOM_HTTP_ADDRESS: %w", err)}
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
