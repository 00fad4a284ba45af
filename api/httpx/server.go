package api

import (
	"log/slog"
	"net/http"
	"time"
)

// Limits of a connection. A handler has its own time limit, within writeTimeout.
const (
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 20 * time.Second
	writeTimeout      = 45 * time.Second
	idleTimeout       = 2 * time.Minute
	headerBytesMax    = 32 << 10
)

// NewServer returns a server for the API at address, with a limit on everything that a client could
// draw out: headers, bodies, answers, idle connections. What goes wrong in connections is logged at
// the level of debug: strangers cause most of it. Let it serve on a [NewListener].
func NewServer(address string, h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Addr: address, Handler: h,
		ReadHeaderTimeout: readHeaderTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout, IdleTimeout: idleTimeout,
		ConnContext: withConn, MaxHeaderBytes: headerBytesMax, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}
