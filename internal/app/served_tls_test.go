package app

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/orderloom/orderloom/internal/config"
	"github.com/orderloom/orderloom/internal/telemetry"
	"github.com/orderloom/orderloom/internal/testing/certs"
	"github.com/stretchr/testify/require"
)

// served runs a listener with these settings until the test ends, and returns its URL.
func served(t *testing.T, settings map[string]string) string {
	t.Helper()
	cfg := load(t, settings)
	cfg.HTTP.Address, cfg.HTTP.DrainDelay, cfg.DrainTimeout = "127.0.0.1:0", 0, time.Second
	tel, err := telemetry.Setup(t.Context(), cfg.Telemetry, "test")
	require.NoError(t, err)
	p := &platform{cfg: cfg, tel: tel}
	urls := make(chan string, 1)
	l, err := p.listener(t.Context(), service{
		handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }),
		ready:   func(url string) { urls <- url }, refuse: func() {},
	})
	require.NoError(t, err)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- l.run(ctx) }()
	t.Cleanup(func() {
		stop()
		require.NoError(t, <-ended)
	})
	return <-urls
}

// certificate returns the serial text of the server's certificate for a client with these certificates, on a new
// connection.
func certificate(t *testing.T, url, authority string, clients ...tls.Certificate) ([]byte, error) {
	t.Helper()
	pem, err := os.ReadFile(authority)
	require.NoError(t, err)
	roots := x509.NewCertPool()
	require.True(t, roots.AppendCertsFromPEM(pem))
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, Certificates: clients, MinVersion: tls.VersionTLS12}, ForceAttemptHTTP2: true}
	defer transport.CloseIdleConnections()
	q, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	require.NoError(t, err)
	a, err := (&http.Client{Transport: transport}).Do(q)
	if err != nil {
		return nil, err
	}
	require.NoError(t, a.Body.Close())
	require.Equal(t, http.StatusNoContent, a.StatusCode)
	require.Equal(t, 2, a.ProtoMajor)
	return a.TLS.PeerCertificates[0].Raw, nil
}

func TestACertificateIsReplacedWithoutARestart(t *testing.T) {
	t.Parallel()
	files, others := certs.New(t), certs.New(t)
	url := served(t, map[string]string{"ORDERLOOM_HTTP_TLS_CERT_PATH": files.Server, "ORDERLOOM_HTTP_TLS_KEY_PATH": files.ServerKey})
	require.True(t, strings.HasPrefix(url, "https://"))
	before, err := certificate(t, url, files.Authority)
	require.NoError(t, err)
	_, err = certificate(t, url, others.Authority)
	require.Error(t, err)
	move := func(from, to string) {
		b, err := os.ReadFile(from)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(to, b, 0o600))
	}
	move(others.Server, files.Server) // the key does not fit yet
	for end := time.Now().Add(tlsLook * 3 / 2); time.Now().Before(end); {
		now, err := certificate(t, url, files.Authority)
		require.NoError(t, err)
		require.Equal(t, before, now, "what is half replaced is not used")
	}
	move(others.ServerKey, files.ServerKey)
	require.Eventually(t, func() bool {
		_, err := certificate(t, url, others.Authority)
		return err == nil
	}, 5*time.Second, 50*time.Millisecond)
}

func TestClientsProveWhoTheyAreWhereAnAuthorityOfTheirsIsSet(t *testing.T) {
	t.Parallel()
	files := certs.New(t)
	url := served(t, map[string]string{
		"ORDERLOOM_HTTP_TLS_CERT_PATH": files.Server, "ORDERLOOM_HTTP_TLS_KEY_PATH": files.ServerKey, "ORDERLOOM_HTTP_TLS_CLIENT_CA_PATH": files.Authority,
	})
	own, err := tls.LoadX509KeyPair(files.Client, files.ClientKey)
	require.NoError(t, err)
	other, err := tls.LoadX509KeyPair(files.OtherClient, files.OtherClientKey)
	require.NoError(t, err)
	_, err = certificate(t, url, files.Authority, own)
	require.NoError(t, err)
	_, err = certificate(t, url, files.Authority, other)
	require.Error(t, err)
	_, err = certificate(t, url, files.Authority)
	require.Error(t, err)
}

func TestACertificateThatCannotBeUsedIsNamed(t *testing.T) {
	t.Parallel()
	files := certs.New(t)
	for name, cfg := range map[string]config.ServedTLS{
		"no file":             {CertFile: "none", KeyFile: files.ServerKey},
		"a key of another":    {CertFile: files.Server, KeyFile: files.ClientKey},
		"no authority":        {CertFile: files.Server, KeyFile: files.ServerKey, ClientCAFile: files.ServerKey},
		"a missing authority": {CertFile: files.Server, KeyFile: files.ServerKey, ClientCAFile: "none"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := serverTLS(cfg, nil)
			require.Error(t, err)
		})
	}
}
