package webhooks

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// Fails where whoever makes an endpoint is told of the platform's own network, or of what stands in an address.
func TestAFailureTellsNothingOfOurNetwork(t *testing.T) {
	t.Parallel()
	private, public := &net.TCPAddr{IP: net.IPv4(10, 0, 0, 7), Port: 443}, &net.TCPAddr{IP: net.IPv4(93, 184, 215, 14), Port: 443}
	refused := os.NewSyscallError("connect", syscall.ECONNREFUSED)
	for want, err := range map[string]error{
		ErrPrivateAddress.Error():                    &net.OpError{Op: "dial", Net: "tcp", Addr: private, Err: fmt.Errorf("%w: %s", ErrPrivateAddress, private)},
		"the name of the host has no address":        &net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", Name: "db.corp", Server: "10.0.0.53:53", IsNotFound: true}},
		"the name of the host can't be looked up":    &net.DNSError{Err: "i/o timeout", Name: "db.corp", Server: "10.0.0.53:53", IsTimeout: true},
		"the proxy of the platform can't be reached": &net.OpError{Op: "proxyconnect", Net: "tcp", Err: &net.OpError{Op: "dial", Addr: private, Err: refused}},
		"dial: connect: connection refused":          &net.OpError{Op: "dial", Net: "tcp", Addr: public, Err: refused},
		"read: connection reset by peer":             &net.OpError{Op: "read", Net: "tcp", Source: private, Addr: public, Err: os.NewSyscallError("read", syscall.ECONNRESET)},
		"the answer is not as HTTP wants it":         errors.New("the answer is not as HTTP wants it"),
	} {
		text := told(&url.Error{Op: http.MethodPost, URL: "https://shop.example.com/?token=hush", Err: err}).Error()
		require.Equal(t, want, text)
		require.False(t, strings.Contains(text, "10.0.0") || strings.Contains(text, "hush"), text)
	}
	require.ErrorIs(t, told(fmt.Errorf("%w: 10.0.0.7", ErrPrivateAddress)), ErrPrivateAddress)
}
