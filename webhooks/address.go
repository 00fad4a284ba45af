package webhooks

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unicode"

	"golang.org/x/net/idna"
)

// ErrPrivateAddress refuses a delivery to an address that is not of the public internet.
var ErrPrivateAddress = errors.New("the address is not of the public internet")

// special are networks that are not of the public internet, besides those that [netip.Addr] knows. They are of IANA's
// registries of special-purpose addresses. Some addresses of clouds, which tell their machines secrets, are among them.
var special = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),
	netip.MustParsePrefix("100.64.0.0/10"),    // shared by carriers; the metadata of Alibaba Cloud
	netip.MustParsePrefix("168.63.129.16/32"), // the platform of Azure
	netip.MustParsePrefix("192.0.0.0/24"),     // protocols; the metadata of Oracle Cloud
	netip.MustParsePrefix("192.0.2.0/24"),
	netip.MustParsePrefix("192.88.99.0/24"),
	netip.MustParsePrefix("198.18.0.0/15"),
	netip.MustParsePrefix("198.51.100.0/24"),
	netip.MustParsePrefix("203.0.113.0/24"),
	netip.MustParsePrefix("240.0.0.0/4"),
	netip.MustParsePrefix("2001::/23"), // protocols, Teredo among them
	netip.MustParsePrefix("2001:db8::/32"),
	netip.MustParsePrefix("3fff::/20"),
}

var (
	// global6 is all of IPv6 that is given out for the public internet. Whatever else there is, or will be, stands for
	// something else, such as ::ffff:0:127.0.0.1.
	global6 = netip.MustParsePrefix("2000::/3")
	// Networks whose addresses have an IPv4 address in them.
	nat64     = netip.MustParsePrefix("64:ff9b::/96")
	sixToFour = netip.MustParsePrefix("2002::/16")
)

// Public reports whether an address is of the public internet, and so may be called. What stands for another address,
// such as an IPv4-mapped one, is as public as that.
func Public(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	if !a.IsValid() || a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() || a.IsMulticast() || a.IsUnspecified() {
		return false
	}
	for _, network := range special {
		if network.Contains(a) {
			return false
		}
	}
	if a.Is4() {
		return true
	}
	b := a.As16()
	switch {
	case nat64.Contains(a):
		return Public(netip.AddrFrom4([4]byte(b[12:])))
	case sixToFour.Contains(a):
		return Public(netip.AddrFrom4([4]byte(b[2:6])))
	}
	return global6.Contains(a)
}

// hostOf is the host of an address as net/http calls it, in lower case. A name in other letters has a form in ASCII
// (RFC 5891), in which full-width digits and dots are plain ones: １２７。0。0。1 is 127.0.0.1. Empty for what has none.
func hostOf(u *url.URL) string {
	host := u.Hostname()
	if strings.ContainsFunc(host, func(r rune) bool { return r > unicode.MaxASCII }) {
		ascii, err := idna.Lookup.ToASCII(host)
		if err != nil {
			return ""
		}
		host = ascii
	}
	return strings.ToLower(host)
}

// callable reports whether an address can be called at all: it has a host and a port that there can be. A number in the
// place of a name, such as 127.1, 2130706433 or 0x7f000001, is refused. Programs that take it for an IPv4 address are
// those that a proxy asks, and it is a name to others.
func callable(u *url.URL) bool {
	if text := u.Port(); text != "" || strings.HasSuffix(u.Host, ":") {
		if port, err := strconv.ParseUint(text, 10, 16); err != nil || port == 0 {
			return false
		}
	}
	host := hostOf(u)
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	labels := strings.Split(strings.TrimSuffix(host, "."), ".")
	for _, label := range labels {
		if label == "" || len(label) > labelBytesMax {
			return false
		}
	}
	last := labels[len(labels)-1]
	return !strings.HasPrefix(last, "0x") && strings.Trim(last, "0123456789") != ""
}

// labelBytesMax is how long a part of a name may be (RFC 1035, section 2.3.4).
const labelBytesMax = 63

// dialer returns what makes connections. It looks at each address that a name has led to, right before it is called. So
// it does not matter what a name led to a moment before.
func dialer(private bool) *net.Dialer {
	d := &net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}
	if !private {
		d.Control = func(network, address string, _ syscall.RawConn) error {
			at, err := netip.ParseAddrPort(address)
			if err != nil || network != "tcp4" && network != "tcp6" || !Public(at.Addr()) {
				return fmt.Errorf("%w: %s", ErrPrivateAddress, address)
			}
			return nil
		}
	}
	return d
}

// lookup returns the addresses of a name.
type lookup func(ctx context.Context, host string) ([]netip.Addr, error)

// lookupTimeout bounds a look for the addresses of a name that a proxy is to call.
const lookupTimeout = 2 * time.Second

func lookUp(ctx context.Context, host string) ([]netip.Addr, error) {
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
}

// throughProxy returns what sends requests through a proxy. A host that is an address, or a name of one, is looked at
// before. A name that is not known here is left to the proxy: behind one, there may be no names of the internet.
func throughProxy(proxy *url.URL, rules Rules, look lookup) func(*http.Request) (*url.URL, error) {
	return func(r *http.Request) (*url.URL, error) {
		if rules.Private {
			return proxy, nil
		}
		if !callable(r.URL) { // it was taken by an older program
			return nil, fmt.Errorf("%w: %s", ErrPrivateAddress, r.URL.Hostname())
		}
		host := hostOf(r.URL)
		var addresses []netip.Addr
		if literal, err := netip.ParseAddr(host); err == nil {
			addresses = []netip.Addr{literal}
		} else if addresses, err = look(r.Context(), host); err != nil {
			return proxy, nil //nolint:nilerr // it is left to the proxy
		}
		for _, a := range addresses {
			if !Public(a) {
				return nil, fmt.Errorf("%w: %s", ErrPrivateAddress, a)
			}
		}
		return proxy, nil
	}
}
