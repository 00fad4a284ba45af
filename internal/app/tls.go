package app

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"

	"github.com/orderloom/orderloom/internal/config"
)

// ErrFile is the error for a file that a setting names and that can't be used.
var ErrFile = errors.New("a file of the settings can't be used")

// clientTLS says how to talk TLS to a server, which errors name. It is nil when TLS is off. The client's certificate is
// read anew for each connection, so that one which is replaced is used without a restart. Error: [ErrFile].
func clientTLS(server string, cfg config.TLS) (*tls.Config, error) {
	if !cfg.Enabled {
		return nil, nil //nolint:nilnil // no TLS is no error
	}
	t := &tls.Config{ServerName: cfg.ServerName, MinVersion: tls.VersionTLS12}
	if cfg.CAFile != "" {
		pem, err := os.ReadFile(cfg.CAFile)
		if err != nil {
			return nil, fmt.Errorf("%w: read the certificate authorities of %s: %w", ErrFile, server, err)
		}
		t.RootCAs = x509.NewCertPool()
		if !t.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%w: %s holds no PEM certificate of the authorities of %s", ErrFile, cfg.CAFile, server)
		}
	}
	if cfg.CertFile == "" {
		return t, nil
	}
	load := func() (*tls.Certificate, error) {
		cert, err := tls.LoadX509KeyPair(cfg.CertFile, cfg.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("%w: read the client certificate for %s: %w", ErrFile, server, err)
		}
		return &cert, nil
	}
	if _, err := load(); err != nil {
		return nil, err
	}
	t.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return load() }
	return t, nil
}
