package readmodel

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Owner is whose an order is: the account that has placed it, in which channel, and for which customer.
type Owner struct {
	Account string `json:"account"`
	// Channels are those that are meant, nil for all. An order has one at most.
	Channels []string `json:"-"`
	// CustomerID is empty for all.
	CustomerID string `json:"customer_id"`
	// Channel is that of an order.
	Channel string `json:"channel"`
}

// addTo chooses the orders of an account, and in its channels and of its customer where those are named.
func (o *Owner) addTo(add func(condition string, values ...any)) {
	if o == nil {
		return
	}
	add("account = ?", o.Account)
	if o.Channels != nil {
		add("channel = ANY(?::text[])", o.Channels)
	}
	if o.CustomerID != "" {
		add("customer_id = ?", o.CustomerID)
	}
}

// Owner returns whose the order is.
func (s Shown) Owner() (o Owner, err error) {
	if err = json.Unmarshal(s.JSON, &o); err != nil {
		err = fmt.Errorf("read whose order %s is: %w", s.OrderID, err)
	}
	return o, err
}

// Account returns which account has placed the order, without reading all of it. Known is false where it has to be:
// then [Shown.Owner] tells.
func (s Shown) Account() (account string, known bool) {
	const id = len(`{"order_id":"3f0f2c5e-5d0a-5b8e-9d53-6f2f9a0f7c11"`)
	if len(s.JSON) < id {
		return "", false
	}
	rest := s.JSON[id:]
	if bytes.HasPrefix(rest, orderNumberMember) {
		return "", true
	}
	rest, found := bytes.CutPrefix(rest, accountMember)
	end := bytes.IndexByte(rest, '"')
	if !found || end < 0 {
		return "", false
	}
	return string(rest[:end]), true // an account has nothing to escape
}

var accountMember, orderNumberMember = []byte(`,"account":"`), []byte(`,"order_number":"`)
