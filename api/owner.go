package api

import (
	"cmp"
	"context"
	"strings"

	"github.com/orderloom/orderloom/access"
	"github.com/orderloom/orderloom/api/httpx"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/readmodel"
)

// orderParameter is in the paths of all routes about one order.
const orderParameter = "{order_id}"

// owned lets a route about one order refuse callers who may not know of it. To them it does not exist.
//
// All routes with an order in their path go through it, so that a new one can't forget it.
func (a *API) owned(r httpx.Route) httpx.Route {
	if !strings.Contains(r.Path, orderParameter) || r.Path == shownOrderPath {
		return r // the order itself is looked at once
	}
	handle := r.Handle
	r.Handle = func(ctx context.Context, x *httpx.Exchange) error {
		id := x.UUID("order_id")
		if x.Caller.SeesAll() || x.Invalid() != nil { // what is wrong is told with the rest
			return handle(ctx, x)
		}
		x.About("order_id", id)
		shown, _, err := a.findOrder(ctx, id, 0)
		if err != nil {
			return err
		}
		seen, err := sees(x.Caller, shown)
		switch {
		case err != nil:
			return err
		case !seen:
			return orderNotFound(id)
		}
		return handle(ctx, x)
	}
	return r
}

// endpointParameter is in the paths of all routes about one webhook endpoint.
const endpointParameter = "{endpoint_id}"

// ownedEndpoint is [API.owned] for routes about one webhook endpoint. Callers who see less than it sends may not know
// of it.
func (a *API) ownedEndpoint(r httpx.Route) httpx.Route {
	if !strings.Contains(r.Path, endpointParameter) {
		return r
	}
	handle := r.Handle
	r.Handle = func(ctx context.Context, x *httpx.Exchange) error {
		id := x.UUID("endpoint_id")
		if x.Invalid() != nil { // what is wrong is told with the rest
			return handle(ctx, x)
		}
		e, err := a.endpoints.Get(ctx, x.Account(), id)
		switch {
		case err != nil:
			return endpointProblem(err)
		case !e.SeenBy(x.Caller):
			return newProblem(domain.CodeNotFound, "there is no webhook endpoint %s", id)
		}
		return handle(ctx, x)
	}
	return r
}

// knownOf are the things of a list that a caller may know of. They are never null.
func knownOf[T any](all []T, seen func(*T) bool) []T {
	known := []T{}
	for i := range all {
		if seen(&all[i]) {
			known = append(known, all[i])
		}
	}
	return known
}

// shownOrderPath shows an order, and asks whose it is by itself.
const shownOrderPath = "/api/v1/orders/" + orderParameter

// sees reports whether a caller may know of an order.
func sees(c *access.Caller, shown readmodel.Shown) (bool, error) {
	if c.SeesAll() {
		return true, nil
	}
	account, known := shown.Account()
	switch {
	case known && account != c.Account:
		return false, nil
	case known && c.Channels == nil && c.CustomerID == "":
		return true, nil
	}
	o, err := shown.Owner()
	return err == nil && c.Sees(o.Account, o.Channel, o.CustomerID), err
}

// ownerOf is whose orders a caller sees in lists; nil for everybody's.
func ownerOf(c *access.Caller) *readmodel.Owner {
	if c.SeesAll() {
		return nil
	}
	return &readmodel.Owner{Account: c.Account, Channels: c.Channels, CustomerID: c.CustomerID}
}

// checkChannel refuses an order in a channel that the caller may not place orders in. Error: [domain.Invalids].
func checkChannel(c *access.Caller, channel string) error {
	if c.MayPlaceIn(channel) {
		return nil
	}
	return domain.Invalids{domain.Invalid("channel", "must be %s for this key", strings.Join(c.Channels, " or "))}
}

// who is the name under which the caller writes something. It is what the platform knows of them, which they
// can't choose, and behind that in brackets the name that they give. An open API knows nobody, and has the name alone.
func who(x *httpx.Exchange, name string) string {
	switch {
	case x.Caller == access.Anyone:
		return name
	case name == "":
		return string(x.Caller.Actor())
	}
	if characters := []rune(name); len(characters) > nameShown {
		name = string(characters[:nameShown])
	}
	return string(x.Caller.Actor()) + " (" + name + ")"
}

// asker is on whose behalf the caller asks for a change: the customer's or the shop's. It follows from the role. A
// shop's server and a customer ask for the customer. People of the shop ask as operators, or for a customer who told
// them to. An open API knows nobody, and takes what the request says. Error: [domain.Invalids].
func asker(x *httpx.Exchange, by string) (string, error) {
	c := x.Caller
	if c == access.Anyone {
		return cmp.Or(by, order.ByCustomer), nil
	}
	asks := order.ByOperator
	if c.CustomerID != "" || c.Role == access.Storefront || c.Role == access.Customer {
		asks = order.ByCustomer
	}
	if by == "" || by == asks {
		return asks, nil
	}
	if by == order.ByCustomer {
		return by, nil
	}
	return "", domain.Invalids{domain.Invalid("by", "must be %s for the role %s, or left out", asks, c.Role)}
}

// decider is who decides: the caller, as the platform knows them. Nobody can say that they are somebody else. An open
// API knows nobody, and takes the name that the request gives. Error: [domain.Invalids].
func decider(x *httpx.Exchange, by string) (string, error) {
	switch {
	case x.Caller == access.Anyone:
		return cmp.Or(by, order.ByOperator), nil
	case by != "":
		return "", domain.Invalids{domain.Invalid("by", "must be left out: the platform knows who asks")}
	}
	return string(x.Caller.Actor()), nil
}

// nameShown is how many characters of a name are kept beside who the platform knows. Both together fit into a text of
// the domain.
const nameShown = 100
