package app

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/orderloom/orderloom/api/httpx"
	"github.com/orderloom/orderloom/internal/backoff"
	"github.com/orderloom/orderloom/internal/config"
	"github.com/orderloom/orderloom/internal/drain"
)

// service is what a process serves over HTTP.
type service struct {
	handler http.Handler
	// ready is told the base URL once it is served; nil is nobody.
	ready func(url string)
	// refuse makes GET /ready say that the process stops. Requests are served on for delay after that.
	refuse func()
	delay  time.Duration
}

// drainDelay is how long requests are served on. It leaves half of the time for those that are under way.
func drainDelay(cfg config.Config) time.Duration { return min(cfg.HTTP.DrainDelay, cfg.DrainTimeout/2) }

// listener returns the part that serves over HTTP. When it stops, it first says so at GET /ready and goes on. Whoever
// distributes requests then sends them elsewhere. Each answer closes its connection meanwhile, so that hardly any is
// left on which a request could come when the server closes them. Then the listener closes, and what is under way ends.
func (p *platform) listener(ctx context.Context, s service) (part, error) {
	secured, err := serverTLS(p.cfg.HTTP.TLS, p.tel.Logger)
	if err != nil {
		return part{}, err
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", p.cfg.HTTP.Address)
	if err != nil {
		return part{}, fmt.Errorf("listen on ORDERLOOM_HTTP_ADDRESS %s: %w", p.cfg.HTTP.Address, err)
	}
	l = httpx.LimitConnections(l, httpx.ConnectionLimits{
		Each: p.cfg.HTTP.Connections, Proxies: p.cfg.HTTP.Access.Proxies, Logger: p.tel.Logger, Registerer: p.tel.Registry,
	})
	var stopping atomic.Bool
	server := httpx.NewServer(p.cfg.HTTP.Address, closingConnections(s.handler, &stopping), p.tel.Logger, serverLimits(p.cfg.HTTP))
	server.TLSConfig = secured
	serve, url := func() error { return server.Serve(l) }, "http://"+baseHost(l.Addr())
	if secured != nil {
		serve, url = func() error { return server.ServeTLS(l, "", "") }, "https://"+baseHost(l.Addr())
	}
	return part{"http", func(ctx context.Context) error {
		failed := make(chan error, 1)
		go func() { failed <- serve() }()
		if s.ready != nil {
			s.ready(url)
		}
		select {
		case err := <-failed:
			return err
		case <-ctx.Done():
		}
		stopping.Store(true)
		s.refuse()
		stopCtx, cancel := drain.Timeout(ctx, p.cfg.DrainTimeout)
		defer cancel()
		_ = backoff.Pause(stopCtx, s.delay) // the shutdown looks whether the time is over
		return server.Shutdown(stopCtx)
	}}, nil
}

// closingConnections closes the connection of each request that is answered while the process stops.
func closingConnections(h http.Handler, stopping *atomic.Bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if stopping.Load() {
			w.Header().Set("Connection", "close")
		}
		h.ServeHTTP(w, r)
	})
}

// baseURL is where a browser on this machine finds a listener without TLS.
func baseURL(a net.Addr) string { return "http://" + baseHost(a) }

// baseHost is the host and port of a listener for programs on this machine.
func baseHost(a net.Addr) string {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return a.String()
	}
	host := tcp.IP.String()
	if tcp.IP.IsUnspecified() {
		host = "localhost"
	}
	return net.JoinHostPort(host, fmt.Sprint(tcp.Port))
}
