package stack

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/orderloom/orderloom/internal/progress"
	uiserver "github.com/temporalio/ui-server/v2/server"
	uiconfig "github.com/temporalio/ui-server/v2/server/config"
	uioptions "github.com/temporalio/ui-server/v2/server/server_options"
)

const uiStartTimeout = time.Minute

func (s *Stack) startUI(ctx context.Context, opts Options) error {
	defer progress.Tick(opts.Log, "starting Temporal's Web UI")()
	port, err := free("Temporal's Web UI", opts.Ports.UI, opts.Log)
	if err != nil {
		return err
	}
	ui := uiserver.NewServer(uioptions.WithConfigProvider(&uiconfig.Config{
		Host: loopback, Port: port, TemporalGRPCAddress: s.TemporalAddress, EnableUI: true,
		CORS: uiconfig.CORS{CookieInsecure: true}, HideLogs: true, DisableNewsFetch: true,
	}))
	go func() { _ = ui.Start() }() // a failure to listen ends the process, with its message
	s.stops = append(s.stops, stop{"Temporal's Web UI", func(context.Context) error {
		ui.Stop()
		return nil
	}})
	s.UIURL = "http://" + hostPort(port)
	return awaitHTTP(ctx, s.UIURL+"/healthz", uiStartTimeout)
}

// awaitHTTP returns when a URL answers 200.
func awaitHTTP(ctx context.Context, url string, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
		if err != nil {
			return err
		}
		if response, err := http.DefaultClient.Do(request); err == nil {
			_ = response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for an answer from %s: %w", url, ctx.Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
}
