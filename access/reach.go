package access

import "github.com/orderloom/orderloom/domain"

// reach is how far a key reaches: whose orders it sees, and what it may do with them.
type reach struct {
	account  string
	role     Role
	scopes   Scopes
	channels []string
}

func (k NewKey) reach() reach { return reach{k.Account, k.Role, k.scopes(), k.Channels} }

func (k Key) reach() reach { return reach{k.Account, k.Role, ScopesOf(k.Scopes...), k.Channels} }

// SeenBy reports whether a caller may know of the key. Without the scope orders:all, callers know those of their own
// account alone.
func (k Key) SeenBy(c *Caller) bool { return c.SeesAll() || k.Account == c.Account }

// mayGive refuses a key that reaches further than the caller. It would see what they can't see, do what they can't do,
// or have a role that events name, and whose scopes they don't have. Error: forbidden.
func (c *Caller) mayGive(k reach) error {
	if beyond := (k.scopes | k.role.Scopes()).Without(c.Scopes); beyond != 0 {
		return domain.Refuse(CodeForbidden, "nobody gives scopes that they don't have, or a role that has them: %s", beyond)
	}
	switch {
	case c.SeesAll():
		return nil
	case k.account != c.Account:
		return domain.Refuse(CodeForbidden, "without the scope %s, nobody gives keys of another account", OrdersAll)
	case !c.hasChannels(k.channels):
		return domain.Refuse(CodeForbidden, "a key with channels gives keys of these channels alone")
	}
	return nil
}
