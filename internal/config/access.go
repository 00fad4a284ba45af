package config

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net"
	"strings"

	"github.com/orderloom/orderloom/access"
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

// accessTogether checks that an API which is open on the loopback is not reached from elsewhere.
func accessTogether(c HTTP, roles []Role, check func(wrong bool, name, format string, args ...any)) {
	if _, serves := needs([]Role{RoleAPI, RoleAll}, roles); serves {
		check(c.Access.Open == OpenOnLoopback && !onLoopback(c.Address), "ORDERLOOM_HTTP_ADDRESS",
			"must be on the loopback, such as localhost:8080, for ORDERLOOM_API_OPEN=loopback: everyone who reaches %s could place orders", c.Address)
	}
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
