package access

import (
	"slices"

	"github.com/orderloom/orderloom/domain/actor"
)

// Caller is who calls, and what they may do. It does not change: all requests with one credential share it.
type Caller struct {
	// Account owns what is made with the credential: Idempotency-Keys, external references and orders. It stays the
	// same when a key is rotated, and several keys may have one. Empty for an open API.
	Account string
	// ID tells callers apart: the id of a key, or a customer's.
	ID string
	// Role says what the caller is to the shop.
	Role Role
	// Scopes are what the caller may do.
	Scopes Scopes
	// Channels are those whose orders the caller may place and see; nil for all.
	Channels []string
	// CustomerID is whose orders alone the caller may see; empty for everybody's.
	CustomerID string
	// Version is the version of the API that the caller's key has; empty for the newest.
	Version string
}

// Anyone is the caller of an API that is open to everyone.
var Anyone = &Caller{ID: "open", Role: Admin, Scopes: all}

// Actor is the caller as events name it.
func (c *Caller) Actor() actor.Actor { return actor.Of(string(c.Role), c.ID) }

// SeesAll reports whether the caller sees the orders of all accounts and channels.
func (c *Caller) SeesAll() bool { return c.Scopes.Has(ScopesOf(OrdersAll)) }

// Sees reports whether the caller may know of an order of this account, channel and customer.
func (c *Caller) Sees(account, channel, customerID string) bool {
	return c.SeesAll() || account == c.Account && c.inChannel(channel) && (c.CustomerID == "" || c.CustomerID == customerID)
}

// seeing are the scopes that say which events a caller sees, and how much of them.
var seeing = ScopesOf(OrdersRead, OrdersAll, StockRead, PersonalRead)

// SeesAllOf reports whether the caller sees all that another one of the same account sees.
func (c *Caller) SeesAllOf(other *Caller) bool {
	if (other.Scopes&seeing).Without(c.Scopes) != 0 || c.CustomerID != "" && c.CustomerID != other.CustomerID {
		return false
	}
	return c.SeesAll() || c.hasChannels(other.Channels)
}

// SeesInternal reports whether the caller is told of what the shop has noted for itself. Customers are not.
func (c *Caller) SeesInternal() bool { return c.CustomerID == "" }

// MayPlaceIn reports whether the caller may place orders in a channel.
func (c *Caller) MayPlaceIn(channel string) bool { return c.inChannel(channel) }

// hasChannels reports whether the caller has all of these channels; none are all that there are.
func (c *Caller) hasChannels(channels []string) bool {
	if c.Channels == nil {
		return true
	}
	return len(channels) > 0 && !slices.ContainsFunc(channels, func(channel string) bool { return !c.inChannel(channel) })
}

func (c *Caller) inChannel(channel string) bool {
	return c.Channels == nil || slices.Contains(c.Channels, channel)
}
