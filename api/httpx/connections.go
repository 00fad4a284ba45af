package httpx

import (
	"context"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/orderloom/orderloom/access"
	"github.com/prometheus/client_golang/prometheus"
)

const (
	// connectionsFactor is how many addresses may have as many connections as one may.
	connectionsFactor = 16
	// connectionsComplaint is how often the log tells that connections are refused.
	connectionsComplaint = time.Minute
)

// ConnectionLimits bound how many connections there are.
type ConnectionLimits struct {
	// Each is how many an address may have; 0 bounds nothing. All addresses together have at most 16 times as many.
	Each int
	// Proxies are networks whose addresses have as many as all together.
	Proxies []netip.Prefix
	// Logger is told when connections are refused; nil is nobody.
	Logger *slog.Logger
	// Registerer takes the metrics; nil keeps them to the listener.
	Registerer prometheus.Registerer
}

// LimitConnections returns a listener that closes connections beyond the limits at once: before TLS, and before
// anything of them is read.
func LimitConnections(l net.Listener, limits ConnectionLimits) net.Listener {
	if limits.Logger == nil {
		limits.Logger = slog.New(slog.DiscardHandler)
	}
	c := &connections{Listener: l, proxies: limits.Proxies, log: limits.Logger, refused: prometheus.NewCounter(prometheus.CounterOpts{
		Name: "orderloom_http_connections_refused_total", Help: "Connections that were closed because their address, or all, had too many.",
	})}
	if limits.Each <= 0 {
		return l
	}
	c.share, c.proxied = NewShare(connectionsFactor*limits.Each, limits.Each), NewShare(connectionsFactor*limits.Each, connectionsFactor*limits.Each)
	if limits.Registerer != nil {
		limits.Registerer.MustRegister(c.refused, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "orderloom_http_connections", Help: "Connections of clients.",
		}, func() float64 { return float64(c.share.Held() + c.proxied.Held()) }))
	}
	return c
}

// connections is a listener that bounds how many connections there are.
type connections struct {
	net.Listener
	share, proxied *Share
	proxies        []netip.Prefix
	log            *slog.Logger
	refused        prometheus.Counter

	told time.Time // only Accept knows it, which one goroutine calls
}

// Accept implements [net.Listener].
func (c *connections) Accept() (net.Conn, error) {
	for {
		conn, err := c.Listener.Accept()
		if err != nil {
			return nil, err
		}
		tcp, ok := conn.(*net.TCPConn)
		if !ok {
			return conn, nil
		}
		address := access.Network(tcp.RemoteAddr().(*net.TCPAddr).AddrPort().Addr())
		share := c.share
		if within(c.proxies, address) {
			share = c.proxied
		}
		party := address.String()
		if share.Take(party) == nil {
			return &counted{TCPConn: tcp, give: sync.OnceFunc(func() { share.Give(party) })}, nil
		}
		c.refuse(tcp, address)
	}
}

func (c *connections) refuse(conn *net.TCPConn, address netip.Addr) {
	_ = conn.SetLinger(0) // the kernel keeps nothing of it
	_ = conn.Close()
	c.refused.Inc()
	if now := time.Now(); now.Sub(c.told) >= connectionsComplaint {
		c.told = now
		c.log.WarnContext(context.Background(), "an address has too many connections; if it is a proxy, name it in ORDERLOOM_TRUSTED_PROXIES",
			"address", address.String())
	}
}

// counted is a connection that has a place. It is one of TCP, so that the server can close one half of it.
type counted struct {
	*net.TCPConn
	give func()
}

// Close implements [net.Conn].
func (c *counted) Close() error {
	c.give()
	return c.TCPConn.Close()
}
