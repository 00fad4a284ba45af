package app

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/pprof"

	"github.com/orderloom/orderloom/api/httpx"
)

// profiles serves profiles of the process, on a listener of their own: they are for whoever runs the
// platform, and not for its clients.
func (p *platform) profiles(ctx context.Context) error {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", p.cfg.HTTP.ProfileAddress)
	if err != nil {
		return fmt.Errorf("listen on ORDERLOOM_PROFILE_ADDRESS %s: %w", p.cfg.HTTP.ProfileAddress, err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	limits := serverLimits(p.cfg.HTTP)
	limits.WriteTimeout = 0 // a profile takes as long as it was asked for
	server := httpx.NewServer(p.cfg.HTTP.ProfileAddress, mux, p.tel.Logger, limits)
	context.AfterFunc(ctx, func() { _ = server.Close() })
	return server.Serve(l)
}
