package httpx

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// forwardedMax bounds how many proxies of a chain are looked at.
const forwardedMax = 20

// clientAddress is where a request comes from. Behind proxies that are trusted it is what the last of them says, in
// X-Forwarded-For: the first from the right that is none of them. Whatever stands to the left of it may be invented.
func (r *Router) clientAddress(request *http.Request) netip.Addr {
	connected, err := netip.ParseAddrPort(request.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	address := connected.Addr().Unmap()
	if len(r.proxies) == 0 || !r.trusted(address) {
		return address
	}
	chain := strings.Split(strings.Join(request.Header.Values("X-Forwarded-For"), ","), ",")
	slices.Reverse(chain)
	for _, text := range chain[:min(len(chain), forwardedMax)] {
		forwarded, err := netip.ParseAddr(strings.TrimSpace(text))
		if err != nil {
			return address
		}
		if address = forwarded.Unmap(); !r.trusted(address) {
			return address
		}
	}
	return address
}

func (r *Router) trusted(a netip.Addr) bool { return within(r.proxies, a) }

func within(networks []netip.Prefix, a netip.Addr) bool {
	return slices.ContainsFunc(networks, func(p netip.Prefix) bool { return p.Contains(a) })
}
