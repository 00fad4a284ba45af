package app

import (
	"context"
	"fmt"
	"net"
	"net/http"

	"github.com/orderloom/orderloom/api/httpx"
)

// operations returns the part that serves those who run the platform, on a listener of their own and without a key. It
// has metrics, and what the process's main listener answers about its health.
func (p *platform) operations(ctx context.Context, main http.Handler) (part, error) {
	address := p.cfg.HTTP.OperationsAddress
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return part{}, fmt.Errorf("listen on ORDERLOOM_OPERATIONS_ADDRESS %s: %w", address, err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", p.tel.MetricsHandler())
	mux.Handle("GET /health", main)
	mux.Handle("GET /ready", main)
	server := httpx.NewServer(address, mux, p.tel.Logger, serverLimits(p.cfg.HTTP))
	return part{"operations", func(ctx context.Context) error {
		context.AfterFunc(ctx, func() { _ = server.Close() })
		return server.Serve(l)
	}}, nil
}

// listeners returns the parts that serve over HTTP: the main one first.
func (p *platform) listeners(ctx context.Context, served service) (stage, error) {
	listen, err := p.listener(ctx, served)
	if err != nil {
		return nil, err
	}
	all := stage{listen}
	if p.cfg.HTTP.OperationsAddress != "" {
		operations, err := p.operations(ctx, served.handler)
		if err != nil {
			return nil, err
		}
		all = append(all, operations)
	}
	if p.cfg.HTTP.ProfileAddress != "" {
		all = append(all, part{"profiles", p.profiles})
	}
	return all, nil
}
