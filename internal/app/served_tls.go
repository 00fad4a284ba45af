package app

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/orderloom/orderloom/internal/config"
)

// tlsLook is how often a server looks whether its certificates were replaced.
const tlsLook = time.Second

// servedTLS is how a listener talks TLS. It reads its files again when one of them has changed. While what is there
// can't be used, such as in the middle of a replacement, it goes on with what it has.
type servedTLS struct {
	cfg config.ServedTLS
	log *slog.Logger

	mu      sync.Mutex
	current *tls.Config
	stamp   string
	looked  time.Time
}

// serverTLS returns the configuration of a listener, nil for none. Error: [ErrFile].
func serverTLS(cfg config.ServedTLS, log *slog.Logger) (*tls.Config, error) {
	if cfg.CertFile == "" {
		return nil, nil //nolint:nilnil // no TLS is no error
	}
	s := &servedTLS{cfg: cfg, log: log}
	var err error
	if s.current, s.stamp, err = s.read(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFile, err)
	}
	s.looked = time.Now()
	return &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: s.current.NextProtos, GetConfigForClient: s.forClient}, nil
}

// forClient returns the configuration of one connection.
func (s *servedTLS) forClient(hello *tls.ClientHelloInfo) (*tls.Config, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if time.Since(s.looked) < tlsLook {
		return s.current, nil
	}
	s.looked = time.Now()
	stamp, err := s.stampOf()
	if err == nil && stamp != s.stamp {
		var next *tls.Config
		if next, stamp, err = s.read(); err == nil {
			s.current, s.stamp = next, stamp
			s.log.InfoContext(hello.Context(), "the certificate of the API was replaced")
		}
	}
	if err != nil {
		s.log.WarnContext(hello.Context(), "the certificate of the API can't be read, and the one from before is used", "error", err)
	}
	return s.current, nil
}

// stampOf tells whether a file was replaced.
func (s *servedTLS) stampOf() (stamp string, err error) {
	for _, name := range []string{s.cfg.CertFile, s.cfg.KeyFile, s.cfg.ClientCAFile} {
		if name == "" {
			continue
		}
		file, err := os.Stat(name)
		if err != nil {
			return "", err
		}
		stamp += fmt.Sprint(file.Size(), file.ModTime().UnixNano(), " ")
	}
	return stamp, nil
}

func (s *servedTLS) read() (*tls.Config, string, error) {
	stamp, err := s.stampOf()
	if err != nil {
		return nil, "", fmt.Errorf("read the certificate of the API: %w", err)
	}
	cert, err := tls.LoadX509KeyPair(s.cfg.CertFile, s.cfg.KeyFile)
	if err != nil {
		return nil, "", fmt.Errorf("read the certificate of the API: %w", err)
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}, Certificates: []tls.Certificate{cert}}
	if s.cfg.ClientCAFile == "" {
		return c, stamp, nil
	}
	pem, err := os.ReadFile(s.cfg.ClientCAFile)
	if err != nil {
		return nil, "", fmt.Errorf("read the authorities of clients: %w", err)
	}
	c.ClientCAs, c.ClientAuth = x509.NewCertPool(), tls.RequireAndVerifyClientCert
	if !c.ClientCAs.AppendCertsFromPEM(pem) {
		return nil, "", fmt.Errorf("%s holds no PEM certificate of an authority of clients", s.cfg.ClientCAFile)
	}
	return c, stamp, nil
}
