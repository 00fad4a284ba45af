package httpx

import (
	"net/http"
	"net/netip"
	"testing"

	"github.com/orderloom/orderloom/access"
	"github.com/stretchr/testify/require"
)

// FuzzForwarded reads anything as X-Forwarded-For. Behind a proxy there is always an address that counts. Whoever is no
// proxy chooses none.
func FuzzForwarded(f *testing.F) {
	for _, text := range []string{"", "203.0.113.9", "203.0.113.9, 10.0.0.2", "fe80::1%eth0", "::ffff:10.0.0.1", "[2001:db8::1]:443", "1.2.3.4:80", ",,,", "unknown", "\x00"} {
		f.Add(text, "10.0.0.9, 192.0.2.7")
	}
	r := &Router{proxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}
	f.Fuzz(func(t *testing.T, first, second string) {
		request := &http.Request{RemoteAddr: "10.0.0.1:1234", Header: http.Header{"X-Forwarded-For": {first, second}}}
		address := r.clientAddress(request)
		require.True(t, address.IsValid())
		require.False(t, address.Is4In6(), "one address has one form")
		require.True(t, access.Network(address).IsValid())
		request.RemoteAddr = "192.0.2.1:1234"
		require.Equal(t, "192.0.2.1", r.clientAddress(request).String())
		if second == "192.0.2.8" {
			request.RemoteAddr = "10.0.0.1:1234"
			require.Equal(t, second, r.clientAddress(request).String(), "what stands to the left may be invented")
		}
	})
}
