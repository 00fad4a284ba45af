package httpx

import (
	"log/slog"
	"net/http"
	"time"
)

// ServerLimits bounds what a client could draw out on one connection. All of them are required but
// WriteTimeout, without which an answer may take as long as it does.
type ServerLimits struct {
	ReadHeaderTimeout time.Duration
	ReadTimeout       time.Duration
	WriteTimeout      time.Duration
	IdleTimeout       time.Duration
	HeaderBytesMax    int
}

// NewServer returns a server at address. What goes wrong in connections is logged at the level of debug:
// strangers cause most of it. It panics when a limit is missing, which is a mistake of the program.
func NewServer(address string, h http.Handler, log *slog.Logger, l ServerLimits) *http.Server {
	if l.ReadHeaderTimeout <= 0 || l.ReadTimeout <= 0 || l.IdleTimeout <= 0 || l.HeaderBytesMax <= 0 {
		panic("httpx: a limit of the server is missing")
	}
	return &http.Server{
		Addr: address, Handler: h,
		ReadHeaderTimeout: l.ReadHeaderTimeout, ReadTimeout: l.ReadTimeout, WriteTimeout: l.WriteTimeout, IdleTimeout: l.IdleTimeout,
		MaxHeaderBytes: l.HeaderBytesMax, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}
