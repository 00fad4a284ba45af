package api

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/access"
	"github.com/orderloom/orderloom/domain/actor"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/readmodel"
	"github.com/orderloom/orderloom/workflows"
	"github.com/stretchr/testify/require"
)

// owners are callers that differ in which orders they see. Each may do everything with those.
func owners() callers {
	everything := access.Admin.Scopes().Without(access.ScopesOf(access.OrdersAll))
	return callers{
		"shop":     {Account: "shop", ID: "k-shop", Role: access.Storefront, Scopes: everything},
		"web":      {Account: "shop", ID: "k-web", Role: access.Storefront, Scopes: everything, Channels: []string{"web"}},
		"customer": {Account: "shop", ID: "cust-1", Role: access.Customer, Scopes: everything, CustomerID: "cust-1"},
		"market":   {Account: "market", ID: "k-market", Role: access.Storefront, Scopes: everything},
		"office":   {Account: "office", ID: "k-office", Role: access.Support, Scopes: access.Admin.Scopes()},
	}
}

// ownedOrder puts an order of an account, a channel and a customer where views and events are.
func (b *testBundle) ownedOrder(t *testing.T, account, channel, customerID string) {
	t.Helper()
	v := b.givenOrder(t, order.StatusConfirmed, order.ShipmentStatusPlanned)
	v.Account, v.Channel, v.CustomerID = account, channel, customerID
	b.views[v.OrderID] = v
	o := b.folds[v.OrderID]
	o.Caller, o.Channel, o.CustomerID = account, channel, customerID
	b.folds[v.OrderID] = o
}

// An order of somebody else does not exist, whatever is asked about it. All routes with an order in their path are
// walked, so a new one is as well.
func TestAnOrderOfSomebodyElseDoesNotExist(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		account, channel, customer string
		seenBy                     []string
	}{
		{"shop", "web", "cust-1", []string{"customer", "office", "shop", "web"}},
		{"shop", "", "cust-1", []string{"customer", "office", "shop"}},
		{"shop", "web", "cust-2", []string{"office", "shop", "web"}},
		{"market", "web", "cust-1", []string{"market", "office"}},
		{"", "web", "cust-1", []string{"office"}},
	} {
		for _, name := range contract().Operations() {
			method, template, _ := strings.Cut(name, " ")
			if !strings.Contains(template, orderParameter) {
				continue
			}
			t.Run(fmt.Sprint(c.account, c.channel, c.customer, name), func(t *testing.T) {
				t.Parallel()
				for who := range owners() {
					b := setup(t, func(o *Options) { o.Authenticator = owners() })
					b.ownedOrder(t, c.account, c.channel, c.customer)
					a := b.ask(t, method, template, operations[name], "Authorization", "Bearer "+who)
					if slices.Contains(c.seenBy, who) {
						require.NotContains(t, a.body, orderNotFound(someOrder).Error(), "%s: %s", who, a.body)
						continue
					}
					a.problem(t, http.StatusNotFound, codeNotFound)
					require.Contains(t, a.body, "does not exist")
					require.True(t, b.untouched())
				}
			})
		}
	}
}

// An order that is accepted and not recorded yet is seen by the same callers.
func TestAnOrderThatIsOnlyAcceptedIsSeenByItsOwner(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *Options) { o.Authenticator = owners() })
	body := strings.Replace(goodOrder, `"currency"`, `"channel": "web", "currency"`, 1)
	placed := b.post(t, ordersPath, body, "Authorization", "Bearer web")
	require.Equal(t, http.StatusCreated, placed.status, placed.body)
	path := placed.header.Get("Location")
	for who, status := range map[string]int{
		"shop": http.StatusOK, "web": http.StatusOK, "customer": http.StatusOK, "office": http.StatusOK, "market": http.StatusNotFound,
	} {
		require.Equal(t, status, b.get(t, path, "Authorization", "Bearer "+who).status, who)
	}
}

func TestListsShowTheOrdersOfTheCaller(t *testing.T) {
	t.Parallel()
	for who, want := range map[string]*readmodel.Owner{
		"shop": {Account: "shop"}, "web": {Account: "shop", Channels: []string{"web"}}, "customer": {Account: "shop", CustomerID: "cust-1"},
		"market": {Account: "market"}, "office": nil,
	} {
		t.Run(who, func(t *testing.T) {
			t.Parallel()
			b := setup(t, func(o *Options) { o.Authenticator = owners() })
			require.Equal(t, http.StatusOK, b.get(t, ordersPath, "Authorization", "Bearer "+who).status)
			require.Equal(t, want, b.query.Owner)
			b.query.Owner = nil
			require.Equal(t, http.StatusOK, b.post(t, searchPath, `{"status": "shipped"}`, "Authorization", "Bearer "+who).status)
			require.Equal(t, want, b.query.Owner)
		})
	}
}

func TestTheStreamTellsOfTheOrdersOfTheCaller(t *testing.T) {
	t.Parallel()
	change := readmodel.Change{OrderID: uuid.New(), Status: "confirmed", Account: "shop", Channel: "pos", CustomerID: "cust-1"}
	var told []string
	for who, c := range owners() {
		if (filter{caller: c}).takes(change) {
			told = append(told, who)
		}
	}
	require.ElementsMatch(t, []string{"shop", "customer", "office"}, told)
}

func TestAKeyPlacesOrdersInItsChannels(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *Options) { o.Authenticator = owners() })
	in := func(channel string) string {
		return strings.Replace(goodOrder, `"currency"`, `"channel": "`+channel+`", "currency"`, 1)
	}
	require.Equal(t, http.StatusCreated, b.post(t, ordersPath, in("web"), "Authorization", "Bearer web").status)
	for _, other := range []string{goodOrder, in("pos")} {
		p := b.post(t, ordersPath, other, "Authorization", "Bearer web").problem(t, http.StatusUnprocessableEntity, codeInvalid)
		require.Equal(t, []string{"body:channel"}, p.fields())
	}
	require.Equal(t, http.StatusCreated, b.post(t, ordersPath, goodOrder, "Authorization", "Bearer shop").status)
	require.Len(t, b.started, 2)
	for _, in := range b.started {
		require.Equal(t, "shop", in.UserID)
	}
}

func TestACustomersTotalsNeedTheirScope(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *Options) { o.Authenticator = byRole() })
	b.ownedOrder(t, "shop", "", "cust-1")
	path := ordersPath + "/" + someOrder.String() + "?expand%5B%5D=customer"
	p := b.get(t, path, "Authorization", "Bearer storefront").problem(t, http.StatusForbidden, access.CodeForbidden)
	require.Equal(t, []access.Scope{access.CustomersRead}, p.MissingScopes)
	require.Equal(t, http.StatusOK, b.get(t, path, "Authorization", "Bearer support").status)
}

// remembering keeps on whose behalf a saga was asked.
type remembering struct {
	*fakePlatform
	asked []actor.Actor
}

func (r *remembering) ReviewOrder(ctx context.Context, id uuid.UUID, approve bool, in workflows.ReviewRequest) (workflows.OrderState, error) {
	r.asked = append(r.asked, actor.From(ctx))
	return r.fakePlatform.ReviewOrder(ctx, id, approve, in)
}

// Nobody can choose who the platform says that they are. What a caller decides or changes has the role and the id of
// its key.
func TestWhoDecidesIsKnownByTheirKey(t *testing.T) {
	t.Parallel()
	saga := &remembering{}
	b := setup(t, func(o *Options) {
		o.Authenticator = owners()
		saga.fakePlatform = o.Sagas.(*fakePlatform)
		o.Sagas = saga
	})
	b.ownedOrder(t, "shop", "web", "cust-1")
	b.cancelState = workflows.OrderState{OrderID: someOrder, OrderNumber: order.Number(someOrder), Status: order.StatusCreated}
	path := ordersPath + "/" + someOrder.String()
	for _, name := range []string{"the-ceo", "admin/k-boss", "support/k-office"} {
		for _, operation := range []string{"/approve", "/reject", "/details"} {
			a := b.post(t, path+operation, `{"by": "`+name+`"}`, "Authorization", "Bearer office")
			require.Equal(t, http.StatusUnprocessableEntity, a.status, a.body)
		}
	}
	require.Empty(t, saga.asked)
	a := b.post(t, path+"/approve", `{}`, "Authorization", "Bearer office")
	require.Equal(t, http.StatusOK, a.status, a.body)
	require.Equal(t, "true by support/k-office", b.requests[len(b.requests)-1])
	require.Equal(t, []actor.Actor{"support/k-office"}, saga.asked)
	b.post(t, path+"/notes", `{"text": "has called", "author": "the-ceo"}`, "Authorization", "Bearer office")
	require.Equal(t, "support/k-office (the-ceo)", b.noted[0].Author)
	b.post(t, path+"/details", `{"add_tags": ["a"]}`, "Authorization", "Bearer office")
	require.Equal(t, "support/k-office", b.detailed[0].By)

	for _, asked := range []struct{ caller, by, recorded string }{
		{"customer", "", order.ByCustomer},
		{"customer", order.ByCustomer, order.ByCustomer},
		{"customer", order.ByOperator, ""},
		{"shop", "", order.ByCustomer},
		{"shop", order.ByOperator, ""},
		{"office", "", order.ByOperator},
		{"office", order.ByOperator, order.ByOperator},
		{"office", order.ByCustomer, order.ByCustomer},
	} {
		body := `{"reason": "changed my mind"}`
		if asked.by != "" {
			body = `{"reason": "changed my mind", "by": "` + asked.by + `"}`
		}
		b.cancelled = nil
		a := b.post(t, path+"/cancel", body, "Authorization", "Bearer "+asked.caller)
		if asked.recorded == "" {
			require.Equal(t, []string{"body:by"}, a.problem(t, http.StatusUnprocessableEntity, codeInvalid).fields())
			require.Empty(t, b.cancelled)
			continue
		}
		require.Equal(t, asked.recorded, b.cancelled[0].By, "%+v", asked)
	}
}
