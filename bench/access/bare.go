package main

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"syscall"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/orderloom/orderloom/bench/rig"
)

// Paths of the bare handler.
const (
	bytesPath = "/bytes" // POST takes what GET answers with
	queryPath = "/query/"
)

const jsonMedia = "application/json"

// serveBare serves a handler of gin, until ctx ends. It prints its address.
func serveBare(ctx context.Context, database string) error {
	pool, err := pgxpool.New(ctx, database)
	if err != nil {
		return err
	}
	defer pool.Close()
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: bareHandler(pool)} //nolint:gosec // it is called from here alone
	context.AfterFunc(ctx, func() { _ = server.Close() })
	if _, err := io.WriteString(os.Stdout, l.Addr().String()+"\n"); err != nil {
		return err
	}
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func bareHandler(pool *pgxpool.Pool) http.Handler {
	gin.SetMode(gin.ReleaseMode)
	e := gin.New()
	var bytes atomic.Pointer[[]byte]
	e.POST(bytesPath, func(c *gin.Context) {
		text, err := io.ReadAll(c.Request.Body)
		if err != nil {
			c.Status(http.StatusBadRequest)
			return
		}
		bytes.Store(&text)
		c.Status(http.StatusOK)
	})
	e.GET(bytesPath, func(c *gin.Context) { c.Data(http.StatusOK, jsonMedia, *bytes.Load()) })
	e.GET(queryPath+":id", func(c *gin.Context) {
		id, err := uuid.Parse(c.Param("id"))
		if err != nil {
			c.Status(http.StatusBadRequest)
			return
		}
		var text []byte
		err = pool.QueryRow(c.Request.Context(), "SELECT shown FROM orderloom.order_views WHERE order_id = $1", id).Scan(&text)
		if err != nil {
			c.Status(http.StatusNotFound)
			return
		}
		c.Data(http.StatusOK, jsonMedia, text)
	})
	return e
}

// startBare starts the bare handler as a process of its own.
func startBare(ctx context.Context, r *rig.Rig) (host string, stop func() error, err error) {
	self, err := os.Executable()
	if err != nil {
		return "", nil, err
	}
	c := exec.CommandContext(ctx, self, "-serve")
	c.Env = append(os.Environ(), "DATABASE_URL="+r.Database)
	c.Stderr = os.Stderr
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := c.StdoutPipe()
	if err != nil {
		return "", nil, err
	}
	if err := c.Start(); err != nil {
		return "", nil, err
	}
	const longest = 64
	line := make([]byte, longest)
	n, err := out.Read(line)
	if err != nil {
		return "", nil, errors.Join(err, c.Process.Kill())
	}
	return strings.TrimSpace(string(line[:n])), func() error {
		return errors.Join(c.Process.Signal(syscall.SIGTERM), c.Wait())
	}, nil
}
