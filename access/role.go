package access

import (
	"math/bits"
	"slices"
	"strings"
)

// Role is what a caller is to the shop. It gives a set of scopes.
type Role string

// The roles.
const (
	// Storefront places orders and sees its own. It sets prices, so its keys are secrets of a server.
	Storefront Role = "storefront"
	// Customer sees and cancels the orders of one customer.
	Customer Role = "customer"
	// Support helps customers: it sees, changes and reviews all orders, and takes goods back.
	Support Role = "support"
	// Warehouse ships, takes goods back and keeps the stock.
	Warehouse Role = "warehouse"
	// Finance moves money.
	Finance Role = "finance"
	// Admin may do everything.
	Admin Role = "admin"
	// Metrics reads how the platform is.
	Metrics Role = "metrics"
)

// Roles are all of them.
var Roles = []Role{Storefront, Customer, Support, Warehouse, Finance, Admin, Metrics}

// Scope is something that a caller may do. Operations of the API name the scopes that they need.
type Scope string

// The scopes.
const (
	// OrdersRead is to see orders, and what belongs to each.
	OrdersRead Scope = "orders:read"
	// OrdersWrite is to place and change orders.
	OrdersWrite Scope = "orders:write"
	// OrdersCancel is to cancel whole orders.
	OrdersCancel Scope = "orders:cancel"
	// OrdersAll widens the others to the orders of all accounts and channels.
	OrdersAll Scope = "orders:all"
	// OrdersReview is to approve and reject orders that are held.
	OrdersReview Scope = "orders:review"
	// ShipmentsWrite is to report what becomes of shipments.
	ShipmentsWrite Scope = "shipments:write"
	// ReturnsRequest is to ask to send goods back, and to cancel that.
	ReturnsRequest Scope = "returns:request"
	// ReturnsWrite is to decide on returns, and to take goods back.
	ReturnsWrite Scope = "returns:write"
	// RefundsWrite is to give money back, and to settle what waits for a person.
	RefundsWrite Scope = "refunds:write"
	// StockRead is to see stock and locations.
	StockRead Scope = "stock:read"
	// StockWrite is to change stock and locations.
	StockWrite Scope = "stock:write"
	// CustomersRead is to see what customers have ordered in all.
	CustomersRead Scope = "customers:read"
	// PersonalRead is to see personal data in the feed of events.
	PersonalRead Scope = "personal:read"
	// MetricsRead is to see how the platform is.
	MetricsRead Scope = "metrics:read"
	// KeysAdmin is to make, change and revoke keys, with no more scopes than one has.
	KeysAdmin Scope = "keys:admin"
	// AuditRead is to see who has done what, besides what the events of orders tell.
	AuditRead Scope = "audit:read"
	// WebhooksWrite is to say where one is told of events: to make, change and see endpoints of one's account.
	WebhooksWrite Scope = "webhooks:write"
)

// AllScopes are all scopes. A scope's place is its bit in [Scopes], within one process.
var AllScopes = []Scope{
	OrdersRead, OrdersWrite, OrdersCancel, OrdersAll, OrdersReview, ShipmentsWrite, ReturnsRequest, ReturnsWrite, RefundsWrite,
	StockRead, StockWrite, CustomersRead, PersonalRead, MetricsRead, KeysAdmin, AuditRead, WebhooksWrite,
}

// Scopes is a set of scopes.
type Scopes uint32

// ScopesOf returns a set. What is no scope is left out.
func ScopesOf(list ...Scope) (s Scopes) {
	for _, scope := range list {
		if i := slices.Index(AllScopes, scope); i >= 0 {
			s |= 1 << i
		}
	}
	return s
}

// Has reports whether all of needed are in the set.
func (s Scopes) Has(needed Scopes) bool { return s&needed == needed }

// Without returns what is in s and not in others.
func (s Scopes) Without(others Scopes) Scopes { return s &^ others }

// List returns the scopes in the order of [AllScopes].
func (s Scopes) List() []Scope {
	list := make([]Scope, 0, bits.OnesCount32(uint32(s)))
	for i, scope := range AllScopes {
		if s&(1<<i) != 0 {
			list = append(list, scope)
		}
	}
	return list
}

// String joins the scopes with spaces, as OAuth 2.0 writes them (RFC 6749, section 3.3).
func (s Scopes) String() string {
	words := make([]string, 0, len(AllScopes))
	for _, scope := range s.List() {
		words = append(words, string(scope))
	}
	return strings.Join(words, " ")
}

var all = ScopesOf(AllScopes...)

// scopesOf are the scopes of each role.
var scopesOf = map[Role]Scopes{
	Storefront: ScopesOf(OrdersRead, OrdersWrite, OrdersCancel, ReturnsRequest, StockRead, PersonalRead,
		WebhooksWrite),
	Customer: ScopesOf(OrdersRead, OrdersCancel, ReturnsRequest, PersonalRead),
	Support: ScopesOf(OrdersRead, OrdersWrite, OrdersCancel, OrdersAll, OrdersReview, ReturnsRequest, ReturnsWrite, StockRead,
		CustomersRead, PersonalRead),
	Warehouse: ScopesOf(OrdersRead, OrdersAll, ShipmentsWrite, ReturnsRequest, ReturnsWrite, StockRead, StockWrite, PersonalRead),
	Finance:   ScopesOf(OrdersRead, OrdersAll, OrdersReview, RefundsWrite, CustomersRead),
	Admin:     all,
	Metrics:   ScopesOf(MetricsRead),
}

// Scopes returns what a role gives; none for what is no role.
func (r Role) Scopes() Scopes { return scopesOf[r] }

// Known reports whether there is such a role.
func (r Role) Known() bool { return slices.Contains(Roles, r) }
