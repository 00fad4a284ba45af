package config

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net"
	"net/netip"
	"strings"

	"github.com/orderloom/orderloom/access"
	"github.com/orderloom/orderloom/domain"
)

// apiKeys reads keys by their hashes.
func apiKeys(name, help string) Setting {
	form := "name:hash,name:hash:role,… with the SHA-256 of each key in hexadecimal, as sha256sum prints it"
	return Setting{Name: name, Form: form, Help: help, Secret: true, set: func(c *Config, v string) error {
		for i, item := range split(v) {
			// The errors tell the place only: somebody may have put a key itself here.
			caller, text, _ := strings.Cut(item, ":")
			text, word, roled := strings.Cut(text, ":")
			sum, err := hex.DecodeString(text)
			role := access.Admin
			if roled {
				role = access.Role(word)
			}
			switch {
			case !idForm.MatchString(caller):
				return fmt.Errorf("entry %d has no name of at most 32 of a-z, 0-9, - and _", i+1)
			case err != nil || len(sum) != sha256.Size:
				return fmt.Errorf("the hash of entry %d is not a SHA-256 in hexadecimal", i+1)
			case !role.Known() || role == access.Customer:
				return fmt.Errorf("entry %d has no role of a key", i+1)
			}
			c.HTTP.Access.Keys = append(c.HTTP.Access.Keys, APIKey{Name: caller, SHA256: [sha256.Size]byte(sum), Role: role})
		}
		return nil
	}}
}

// issuerRoles reads which role each role of an issuer stands for.
func issuerRoles(name, help string) Setting {
	return Setting{Name: name, Example: "shop-admins=admin,shop-support=support", Form: "name=role,name=role,…", Help: help, set: func(c *Config, v string) error {
		roles := map[string]access.Role{}
		for _, item := range split(v) {
			theirs, ours, found := strings.Cut(item, "=")
			role := access.Role(ours)
			switch {
			case !found || theirs == "":
				return fmt.Errorf("%q is not name=role", domain.Clip(item))
			case !role.Known() || role == access.Customer:
				return fmt.Errorf("%q is no role of people or programs", domain.Clip(ours))
			}
			roles[theirs] = role
		}
		c.HTTP.Access.Issuer.Roles = roles
		return nil
	}}
}

// networks reads addresses and networks.
func networks(name, help, example string, at func(*Config) *[]netip.Prefix) Setting {
	return Setting{Name: name, Example: example, Form: "address,network/bits,…", Help: help, set: func(c *Config, v string) error {
		var list []netip.Prefix
		for _, item := range split(v) {
			prefix, err := netip.ParsePrefix(item)
			if err != nil {
				address, wrong := netip.ParseAddr(item)
				if wrong != nil {
					return fmt.Errorf("%q is neither an address nor a network", domain.Clip(item))
				}
				prefix = netip.PrefixFrom(address, address.BitLen())
			}
			list = append(list, prefix.Masked())
		}
		*at(c) = list
		return nil
	}}
}

func accountName(name, def, help string, at func(*Config) *string) Setting {
	return Setting{Name: name, Default: def, Form: "a name of at most 64 of a-z, 0-9, - and _", Help: help, set: func(c *Config, v string) error {
		if !access.ValidAccount(v) {
			return errForm
		}
		*at(c) = v
		return nil
	}}
}

// accessTogether checks what an API needs whose callers come with tokens, and that one which is open on the loopback is
// not reached from elsewhere.
func accessTogether(config Config, set map[string]bool, roles []Role, check func(wrong bool, name, format string, args ...any)) {
	if _, serves := needs([]Role{RoleAPI, RoleAll}, roles); !serves {
		return
	}
	c := config.HTTP
	check(set["ORDERLOOM_HTTP_TLS_CERT_PATH"] != set["ORDERLOOM_HTTP_TLS_KEY_PATH"],
		"ORDERLOOM_HTTP_TLS_CERT_PATH", "and ORDERLOOM_HTTP_TLS_KEY_PATH must both be set, or neither")
	check(set["ORDERLOOM_HTTP_TLS_CLIENT_CA_PATH"] && !set["ORDERLOOM_HTTP_TLS_CERT_PATH"],
		"ORDERLOOM_HTTP_TLS_CERT_PATH", "must be set for ORDERLOOM_HTTP_TLS_CLIENT_CA_PATH to be used")
	check(set["ORDERLOOM_OIDC_ISSUER"] != set["ORDERLOOM_OIDC_AUDIENCE"],
		"ORDERLOOM_OIDC_AUDIENCE", "and ORDERLOOM_OIDC_ISSUER must both be set, or neither")
	check(set["ORDERLOOM_OIDC_ISSUER"] && len(config.Privacy.IndexKeys) == 0,
		"ORDERLOOM_INDEX_KEYS", "must be set with ORDERLOOM_OIDC_ISSUER: people stand in events by a MAC of their names under such a key")
	check(c.Access.Open == OpenOnLoopback && !onLoopback(c.Address), "ORDERLOOM_HTTP_ADDRESS",
		"must be on the loopback, such as localhost:8080, for ORDERLOOM_API_OPEN=loopback: everyone who reaches %s could place orders", c.Address)
}

// onLoopback reports whether an address is reached from this machine alone.
func onLoopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
