package readmodel_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/internal/testing/eventtest"
	"github.com/orderloom/orderloom/readmodel"
	"github.com/stretchr/testify/require"
)

// Each list of parts tells, page by page, what the orders tell, whatever is asked for.
func TestListsOfPartsAreThoseOfTheOrders(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	events := eventtest.Lives(7, 120)
	b.project(events...)
	reader := readmodel.NewReader(b.pool, readmodel.Options{})
	views := allOrders(t, reader)
	half := views[len(views)/2].CreatedAt

	for _, kind := range []readmodel.PartKind{readmodel.PartPayments, readmodel.PartRefunds, readmodel.PartReturns, readmodel.PartShipments} {
		t.Run(string(kind), func(t *testing.T) {
			found := 0
			for name, ask := range map[string]func(*readmodel.PartQuery) func(readmodel.OrderView, part) bool{
				"all": func(*readmodel.PartQuery) func(readmodel.OrderView, part) bool {
					return func(readmodel.OrderView, part) bool { return true }
				},
				"status": func(q *readmodel.PartQuery) func(readmodel.OrderView, part) bool {
					q.Status = map[readmodel.PartKind]string{readmodel.PartPayments: "captured", readmodel.PartRefunds: "paid", readmodel.PartReturns: "approved", readmodel.PartShipments: "planned"}[kind]
					return func(_ readmodel.OrderView, p part) bool { return q.Status == "" || p.Status == q.Status }
				},
				"delivered": func(q *readmodel.PartQuery) func(readmodel.OrderView, part) bool {
					q.Status = "delivered"
					return func(_ readmodel.OrderView, p part) bool { return p.Status == "delivered" }
				},
				"customer": func(q *readmodel.PartQuery) func(readmodel.OrderView, part) bool {
					q.CustomerID = views[0].CustomerID
					return func(v readmodel.OrderView, _ part) bool { return v.CustomerID == q.CustomerID }
				},
				"order": func(q *readmodel.PartQuery) func(readmodel.OrderView, part) bool {
					q.OrderID = views[1].OrderID
					return func(v readmodel.OrderView, _ part) bool { return v.OrderID == q.OrderID }
				},
				"from": func(q *readmodel.PartQuery) func(readmodel.OrderView, part) bool {
					q.CreatedFrom = half
					return func(v readmodel.OrderView, _ part) bool { return !v.CreatedAt.Before(half) }
				},
				"to": func(q *readmodel.PartQuery) func(readmodel.OrderView, part) bool {
					q.CreatedTo = half
					return func(v readmodel.OrderView, _ part) bool { return v.CreatedAt.Before(half) }
				},
				"since": func(q *readmodel.PartQuery) func(readmodel.OrderView, part) bool {
					q.UpdatedSince = half
					return func(v readmodel.OrderView, _ part) bool { return !v.UpdatedAt.Before(half) }
				},
			} {
				q := readmodel.PartQuery{Kind: kind}
				chosen := ask(&q)
				var want []part
				for _, v := range views {
					for _, p := range partsOf(t, kind, v) {
						if chosen(v, p) {
							want = append(want, p)
						}
					}
				}
				require.Equal(t, want, listParts(t, reader, q), "%s of %s", kind, name)
				found += len(want)
			}
			require.Positive(t, found)
		})
	}
}

// part is what identifies a part, and where it stands.
type part struct {
	Order      uuid.UUID `json:"-"`
	PaymentID  uuid.UUID `json:"payment_id,omitzero"`
	RefundID   uuid.UUID `json:"refund_id,omitzero"`
	ReturnID   uuid.UUID `json:"return_id,omitzero"`
	ShipmentID uuid.UUID `json:"shipment_id,omitzero"`
	Status     string    `json:"status,omitempty"`
}

// allOrders returns all orders, the newest first.
func allOrders(t *testing.T, r *readmodel.Reader) (all []readmodel.OrderView) {
	t.Helper()
	q := readmodel.OrderQuery{Limit: readmodel.PageSizeMax}
	for {
		page, err := r.Orders(t.Context(), q)
		require.NoError(t, err)
		for _, s := range page.Orders {
			all = append(all, viewOf(t, s))
		}
		if q.Cursor = page.NextCursor; q.Cursor == "" {
			return all
		}
	}
}

func partsOf(t *testing.T, kind readmodel.PartKind, v readmodel.OrderView) (parts []part) {
	t.Helper()
	switch kind {
	case readmodel.PartPayments:
		if v.PaymentVersion > 0 {
			parts = append(parts, part{Status: v.PaymentStatus})
		}
	case readmodel.PartRefunds:
		for _, r := range v.Refunds {
			parts = append(parts, part{RefundID: r.RefundID, Status: string(r.Status)})
		}
	case readmodel.PartReturns:
		for _, r := range v.Returns {
			parts = append(parts, part{ReturnID: r.ReturnID, Status: string(r.Status)})
		}
	case readmodel.PartShipments:
		for _, s := range v.Shipments {
			parts = append(parts, part{ShipmentID: s.ShipmentID, Status: string(s.Status)})
		}
	}
	for i := range parts {
		parts[i].Order = v.OrderID
	}
	return parts
}

// listParts follows the pages of a list.
func listParts(t *testing.T, r *readmodel.Reader, q readmodel.PartQuery) (all []part) {
	t.Helper()
	q.Limit = 7
	for {
		page, err := r.Parts(t.Context(), q)
		require.NoError(t, err)
		for _, listed := range page.Parts {
			p := part{Order: listed.OrderID}
			require.NoError(t, json.Unmarshal(listed.JSON, &p))
			if q.Kind == readmodel.PartPayments {
				require.NotZero(t, p.PaymentID)
				p.PaymentID = uuid.Nil
			}
			all = append(all, p)
		}
		if q.Cursor = page.NextCursor; q.Cursor == "" {
			return all
		}
		require.Len(t, page.Parts, q.Limit)
		_, err = r.Parts(t.Context(), readmodel.PartQuery{Kind: q.Kind, Cursor: q.Cursor, CustomerID: "another"})
		require.Equal(t, domain.CodeInvalid, domain.Code(err), "the cursor is of another list")
	}
}

func TestOrdersAreFoundByWhatShopsKnowThemBy(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.project(eventtest.Lives(7, 120)...)
	reader := readmodel.NewReader(b.pool, readmodel.Options{})
	views := allOrders(t, reader)
	var one readmodel.OrderView
	for _, v := range views {
		if v.ExternalReference != "" && len(v.Tags) > 0 {
			one = v
		}
	}
	half := views[len(views)/2].UpdatedAt
	for name, ask := range map[string]struct {
		q      readmodel.OrderQuery
		chosen func(readmodel.OrderView) bool
	}{
		"reference":   {readmodel.OrderQuery{ExternalReference: one.ExternalReference}, func(v readmodel.OrderView) bool { return v.OrderID == one.OrderID }},
		"channel":     {readmodel.OrderQuery{Channel: one.Channel}, func(v readmodel.OrderView) bool { return v.Channel == one.Channel }},
		"tag":         {readmodel.OrderQuery{Tag: "packed"}, func(v readmodel.OrderView) bool { return slices.Contains(v.Tags, "packed") }},
		"fulfillment": {readmodel.OrderQuery{FulfillmentStatus: "unfulfilled"}, func(v readmodel.OrderView) bool { return v.FulfillmentStatus == "unfulfilled" }},
		"number":      {readmodel.OrderQuery{NumberPrefix: strings.ToLower(one.OrderNumber)}, func(v readmodel.OrderView) bool { return v.OrderID == one.OrderID }},
		"since":       {readmodel.OrderQuery{UpdatedSince: half}, func(v readmodel.OrderView) bool { return !v.UpdatedAt.Before(half) }},
	} {
		var want, have []uuid.UUID
		for _, v := range views {
			if ask.chosen(v) {
				want = append(want, v.OrderID)
			}
		}
		ask.q.Limit = readmodel.PageSizeMax
		page, err := reader.Orders(t.Context(), ask.q)
		require.NoError(t, err)
		for _, s := range page.Orders {
			have = append(have, s.OrderID)
		}
		require.NotEmpty(t, want, name)
		require.Equal(t, want[:min(len(want), readmodel.PageSizeMax)], have, name)
	}
	byChange := readmodel.OrderQuery{Sort: readmodel.SortUpdated, Limit: 9}
	var last time.Time
	for n := 0; ; {
		page, err := reader.Orders(t.Context(), byChange)
		require.NoError(t, err)
		for _, s := range page.Orders {
			at := viewOf(t, s).UpdatedAt
			require.False(t, at.Before(last), "what has changed last comes last")
			last = at
			n++
		}
		if byChange.Cursor = page.NextCursor; byChange.Cursor == "" {
			require.Len(t, views, n)
			break
		}
	}
}

func TestACustomersTotalsAreNetOfRefunds(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.project(eventtest.Lives(7, 120)...)
	reader := readmodel.NewReader(b.pool, readmodel.Options{})
	want := map[string]map[string]money.Money{}
	refunded := false
	for _, v := range allOrders(t, reader) {
		if want[v.CustomerID] == nil {
			want[v.CustomerID] = map[string]money.Money{}
		}
		refunded = refunded || v.Refunded.IsPositive()
		want[v.CustomerID][v.Total.Currency] = want[v.CustomerID][v.Total.Currency].Add(v.Captured).Sub(v.Refunded)
	}
	require.True(t, refunded)
	for customer, net := range want {
		totals, err := reader.CustomerTotals(t.Context(), customer)
		require.NoError(t, err)
		require.Len(t, totals, len(net))
		for _, c := range totals {
			require.Equal(t, net[c.Currency].Text(), c.Net.Text(), "%s in %s", customer, c.Currency)
			require.Equal(t, c.Net.Text(), c.Captured.Sub(c.Refunded).Text())
		}
	}
	_, err := reader.CustomerTotals(t.Context(), "nobody")
	require.Equal(t, domain.CodeNotFound, domain.Code(err))
}

func TestStockIsListedPageByPage(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.project(eventtest.Lives(7, 60)...)
	reader := readmodel.NewReader(b.pool, readmodel.Options{})
	var all []readmodel.StockLevel
	q := readmodel.StockQuery{Limit: 5}
	for {
		page, err := reader.StockLevels(t.Context(), q)
		require.NoError(t, err)
		all = append(all, page.Levels...)
		if q.Cursor = page.NextCursor; q.Cursor == "" {
			break
		}
		_, err = reader.StockLevels(t.Context(), readmodel.StockQuery{SKU: "another", Cursor: q.Cursor})
		require.Equal(t, domain.CodeInvalid, domain.Code(err))
	}
	require.NotEmpty(t, all)
	seen := map[string]bool{}
	for i, l := range all {
		require.False(t, seen[l.SKU+l.Location])
		seen[l.SKU+l.Location] = true
		require.True(t, i == 0 || all[i-1].SKU <= l.SKU)
		one, err := reader.Stock(t.Context(), l.SKU)
		require.NoError(t, err)
		require.Contains(t, one, l)
	}
	page, err := reader.StockLevels(t.Context(), readmodel.StockQuery{Location: all[0].Location, SKU: all[0].SKU})
	require.NoError(t, err)
	require.Equal(t, all[:1], page.Levels)
}

// A reference belongs to the order that has claimed it first. A claim that was lost is made anew from the views.
func TestAReferenceIsClaimedOnce(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	reader := readmodel.NewReader(b.pool, readmodel.Options{})
	first, second := uuid.New(), uuid.New()
	claim := func(caller, reference string, id uuid.UUID) uuid.UUID {
		t.Helper()
		c, err := reader.ClaimReference(t.Context(), caller, reference, id)
		require.NoError(t, err)
		return c.OrderID
	}
	require.Equal(t, first, claim("shop", "WEB-1", first))
	require.Equal(t, first, claim("shop", "WEB-1", first))
	require.Equal(t, first, claim("shop", "WEB-1", second))
	require.Equal(t, second, claim("market", "WEB-1", second), "another caller has references of its own")

	taken, err := reader.TakeReference(t.Context(), "shop", "WEB-1", second, second)
	require.NoError(t, err)
	require.False(t, taken, "it is not that one's")
	taken, err = reader.TakeReference(t.Context(), "shop", "WEB-1", first, second)
	require.NoError(t, err)
	require.True(t, taken)
	require.Equal(t, second, claim("shop", "WEB-1", first))

	b.project(eventtest.Lives(7, 60)...)
	for _, v := range allOrders(t, reader) {
		if v.ExternalReference != "" {
			require.Equal(t, v.OrderID, claim(v.Account, v.ExternalReference, uuid.New()), "the views know it")
		}
	}
}
