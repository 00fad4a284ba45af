package webhooks

import (
	"context"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// tunnels is a proxy that connects clients with a receiver, whatever they ask for (RFC 9110, section 9.3.6).
type tunnels struct {
	*httptest.Server
	mu    sync.Mutex
	asked []string
}

func newTunnels(t *testing.T, to string) *tunnels {
	t.Helper()
	p := &tunnels{}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		p.asked = append(p.asked, r.Method+" "+r.Host)
		p.mu.Unlock()
		receiver, err := net.Dial("tcp", to)
		if r.Method != http.MethodConnect || err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		w.WriteHeader(http.StatusOK)
		client, buffered, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		go func() {
			_, _ = io.Copy(receiver, buffered)
			_ = receiver.Close()
		}()
		_, _ = io.Copy(client, receiver)
		_ = client.Close()
	}))
	t.Cleanup(p.Close)
	return p
}

func (p *tunnels) all() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.asked...)
}

// With a proxy, the platform connects to nothing else. It looks at the addresses that it knows of all the same.
func TestDeliveriesGoThroughTheProxyAndNotToPrivateAddresses(t *testing.T) {
	t.Parallel()
	got := make(chan string, 10)
	receiver := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got <- r.Host + " " + string(body)
		w.WriteHeader(http.StatusNoContent)
	}))
	t.Cleanup(receiver.Close)
	proxy := newTunnels(t, receiver.Listener.Addr().String())
	address, err := url.Parse(proxy.URL)
	require.NoError(t, err)
	names := map[string]string{"public.example.com": "93.184.215.14", "internal.example.com": "10.0.0.7", "metadata.example.com": "::ffff:169.254.169.254"}
	client := newClient(Rules{}, address, func(_ context.Context, host string) ([]netip.Addr, error) {
		if a, ok := names[host]; ok {
			return []netip.Addr{netip.MustParseAddr(a)}, nil
		}
		return nil, errors.New("no such host")
	})
	transport := client.Transport.(*http.Transport)
	transport.TLSClientConfig = receiver.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	transport.TLSClientConfig.ServerName = "example.com" // which its certificate has
	transport.TLSClientConfig.RootCAs = x509.NewCertPool()
	transport.TLSClientConfig.RootCAs.AddCert(receiver.Certificate())
	send := func(to string) error {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, to, strings.NewReader("an event"))
		require.NoError(t, err)
		answer, err := client.Do(r)
		if err == nil {
			require.Equal(t, http.StatusNoContent, answer.StatusCode)
			require.NoError(t, answer.Body.Close())
		}
		return err
	}
	for _, host := range []string{"public.example.com", "known-to-the-proxy.example.com"} {
		require.NoError(t, send("https://"+host+"/hooks"))
		require.Equal(t, host+" an event", <-got)
	}
	require.Equal(t, []string{"CONNECT public.example.com:443", "CONNECT known-to-the-proxy.example.com:443"}, proxy.all())
	for _, private := range []string{
		"https://127.0.0.1/", "https://[::1]/", "https://169.254.169.254/latest", "https://[::ffff:10.0.0.1]/", "https://internal.example.com/",
		"https://metadata.example.com/", "https://127。0。0。1/", "https://10.0.0.１/", "https://①②⑦.1/", "https://ＩNTERNAL.example.com/", "https://127.1/",
	} {
		require.ErrorIs(t, send(private), ErrPrivateAddress, private)
	}
	require.Len(t, proxy.all(), 2, "the proxy is not asked")
	require.Empty(t, got)
}
