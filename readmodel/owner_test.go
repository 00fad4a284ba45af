package readmodel_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/internal/testing/eventtest"
	"github.com/orderloom/orderloom/readmodel"
	"github.com/stretchr/testify/require"
)

// A list of a caller's orders has all of them and no others, page by page.
func TestAListOfAnOwnerHasTheirOrdersAlone(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.project(eventtest.Lives(11, 120)...)
	reader := readmodel.NewReader(b.pool, readmodel.Options{})
	views := allOrders(t, reader)
	someone := views[slices.IndexFunc(views, func(v readmodel.OrderView) bool { return v.Account == "shop" })].CustomerID
	for name, owner := range map[string]readmodel.Owner{
		"account":             {Account: "shop"},
		"another":             {Account: "market"},
		"channels":            {Account: "shop", Channels: []string{"channel-0", "channel-1"}},
		"customer":            {Account: "shop", CustomerID: someone},
		"customer in channel": {Account: "shop", CustomerID: someone, Channels: []string{"channel-0"}},
		"nobody":              {Account: "none"},
		"no channel":          {Account: "shop", Channels: []string{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var want, got []string
			for _, v := range views {
				if v.Account == owner.Account && (owner.Channels == nil || slices.Contains(owner.Channels, v.Channel)) &&
					(owner.CustomerID == "" || v.CustomerID == owner.CustomerID) {
					want = append(want, v.OrderNumber)
				}
			}
			q := readmodel.OrderQuery{Owner: &owner, Limit: 7}
			for {
				page, err := reader.Orders(t.Context(), q)
				require.NoError(t, err)
				for _, s := range page.Orders {
					got = append(got, viewOf(t, s).OrderNumber)
				}
				if q.Cursor = page.NextCursor; q.Cursor == "" {
					break
				}
				_, err = reader.Orders(t.Context(), readmodel.OrderQuery{Limit: 7, Cursor: q.Cursor})
				require.Equal(t, domain.CodeInvalid, domain.Code(err), "a cursor is of one caller's list")
			}
			require.Equal(t, want, got)
			if name == "account" || name == "another" || name == "channels" {
				require.NotEmpty(t, got)
			}
		})
	}
	for _, v := range views {
		s := v.Shown()
		account, known := s.Account()
		require.True(t, known)
		require.Equal(t, v.Account, account)
		o, err := s.Owner()
		require.NoError(t, err)
		require.Equal(t, readmodel.Owner{Account: v.Account, Channel: v.Channel, CustomerID: v.CustomerID}, o)
	}
	entries, err := reader.Timeline(t.Context(), views[0].OrderID)
	require.NoError(t, err)
	asked := map[string]bool{}
	for _, e := range entries {
		asked[e.Actor] = true
	}
	require.Contains(t, asked, "support/k-2")
}

// Whose an order is stands with each of its changes.
func TestAChangeTellsWhoseTheOrderIs(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	changes := readmodel.NewChanges(b.pool, nil, nil)
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- changes.Run(ctx) }()
	t.Cleanup(func() { cancel(); require.NoError(t, <-ran) })
	b.project(eventtest.Lives(12, 30)...)
	reader := readmodel.NewReader(b.pool, readmodel.Options{})
	var first string
	require.NoError(t, b.pool.QueryRow(t.Context(), `SELECT tx::text || '-' || id FROM orderloom.order_changes ORDER BY tx, id LIMIT 1`).Scan(&first))
	seen := 0
	following, stop := context.WithTimeout(ctx, 30*time.Second)
	defer stop()
	err := changes.Follow(following, first, func(c readmodel.Change) error {
		s, err := reader.Order(t.Context(), c.OrderID)
		require.NoError(t, err)
		v := viewOf(t, s)
		require.Equal(t, []string{v.Account, v.Channel}, []string{c.Account, c.Channel})
		if seen++; seen == 20 {
			return context.Canceled
		}
		return nil
	})
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, 20, seen)
}
