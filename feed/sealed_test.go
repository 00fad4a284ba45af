package feed_test

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/access"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/catalog"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/feed"
	"github.com/orderloom/orderloom/privacy"
	"github.com/stretchr/testify/require"
)

// vault opens what was sealed as "<subject>:1", unless the subject is erased.
type vault struct{ erased, torn bool }

func (v vault) Open(_ context.Context, s domain.Sealed, value any) error {
	switch {
	case v.erased:
		return domain.ErrErased
	case v.torn:
		return domain.ErrUnreadable
	}
	*value.(*json.RawMessage) = json.RawMessage(fmt.Sprintf(`{"opened":%q}`, s.Key))
	return nil
}

func TestWhatIsSealedStaysSealed(t *testing.T) {
	t.Parallel()
	b, events := setup(t), lives(12, 12)
	b.append(t, events...)
	q := feed.Query{Caller: access.Anyone, Limit: feed.LimitMax}
	sealed := 0
	for _, e := range walk(t, b.feed, q) {
		require.NotContains(t, string(e.Data), `"key"`, e.Type)
		require.False(t, e.Erased)
		if e.Type == "OrderPlaced" || e.Type == "OrderNoted" {
			sealed++
		}
	}
	require.Positive(t, sealed)
	q.Personal, q.Types = true, []string{"OrderPlaced", "OrderNoted"}
	for _, e := range walk(t, b.feed, q) {
		if e.Type == "OrderPlaced" {
			require.Contains(t, string(e.Data), `"personal":{"opened":"customer:1"}`)
		} else {
			require.NotContains(t, string(e.Data), "opened", "notes of the shop are not for the feed")
		}
	}
	for _, v := range []vault{{erased: true}, {torn: true}} {
		for _, e := range walk(t, feed.New(b.store, v, nil), q) {
			require.NotContains(t, string(e.Data), `"personal"`)
			require.Equal(t, v.erased && e.Type == "OrderPlaced", e.Erased)
			require.NotEmpty(t, e.Data)
		}
	}
}

// A customer is not told of the notes of the shop, nor of who has written them.
func TestTheFeedOfACustomerHasNoNotes(t *testing.T) {
	t.Parallel()
	b, id, note := setup(t), uuid.New(), uuid.New()
	placed, err := catalog.Encode(order.OrderPlaced{OrderID: id, CustomerID: "ada", Caller: "shop"})
	require.NoError(t, err)
	noted, err := catalog.Encode(order.OrderNoted{OrderID: id, Note: order.Note{Author: "support/1 (ann)"}})
	require.NoError(t, err)
	b.append(t,
		domain.Envelope{
			EventID: uuid.New(), AggregateType: domain.AggregateOrder, AggregateID: id, Version: 1, EventType: "OrderPlaced",
			EventVersion: order.OrderPlaced{}.EventVersion(), Timestamp: time.Now(), Payload: placed,
		},
		domain.Envelope{
			EventID: note, AggregateType: domain.AggregateOrder, AggregateID: id, Version: 2, EventType: "OrderNoted",
			EventVersion: order.OrderNoted{}.EventVersion(), Timestamp: time.Now(), Payload: noted,
		},
	)
	ada := &access.Caller{Account: "shop", Role: access.Customer, Scopes: access.Customer.Scopes(), CustomerID: "ada"}
	for c, n := range map[*access.Caller]int{keyOf(access.Storefront, "shop"): 2, ada: 1} {
		require.Len(t, walk(t, b.feed, feed.Query{Caller: c}), n, c.Role)
		_, err := b.feed.Event(t.Context(), feed.Query{Caller: c}, note)
		require.Equal(t, n == 2, err == nil, "%s: %v", c.Role, err)
	}
}

// An erasure reaches the feed, and means of payment are in it for nobody.
func TestErasedDataAreGoneFromTheFeed(t *testing.T) {
	t.Parallel()
	b, id := setup(t), uuid.New()
	keys, err := privacy.NewMasterKeys(privacy.MasterKey{ID: "k", Key: make([]byte, 32)})
	require.NoError(t, err)
	v := privacy.NewVault(b.pool, keys, privacy.Options{Forget: privacy.ForgetNothing})
	placed := order.OrderPlaced{OrderID: id, CustomerID: "ada"}
	placed.Personal, err = v.Seal(t.Context(), "ada", order.Recipient{Contact: order.Contact{Name: "Ada Lovelace"}})
	require.NoError(t, err)
	placed.Terms.Payment, err = v.Seal(t.Context(), "ada", "tok_approve")
	require.NoError(t, err)
	payload, err := catalog.Encode(placed)
	require.NoError(t, err)
	e := domain.Envelope{
		EventID: uuid.New(), AggregateID: id, AggregateType: domain.AggregateOrder, EventType: placed.EventType(), EventVersion: placed.EventVersion(),
		Version: 1, Timestamp: time.Now(), Payload: payload,
	}
	b.append(t, e)
	f, q := feed.New(b.store, v, nil), feed.Query{Caller: access.Anyone, Personal: true}
	shown := walk(t, f, q)[0]
	require.Contains(t, string(shown.Data), "Ada Lovelace")
	require.NotContains(t, string(shown.Data), "tok_approve")
	require.NotContains(t, string(shown.Data), `"payment"`)
	require.Contains(t, string(shown.Data), `"deadlines"`)
	_, err = v.Erase(t.Context(), "ada")
	require.NoError(t, err)
	shown = walk(t, f, q)[0]
	require.NotContains(t, string(shown.Data), `"personal"`)
	require.True(t, shown.Erased)
	one, err := f.Event(t.Context(), q, e.EventID)
	require.NoError(t, err)
	require.True(t, one.Erased)
}

// What a newer program has recorded holds nobody up.
func TestAnUnknownEventIsShownWithoutItsData(t *testing.T) {
	t.Parallel()
	b, events := setup(t), lives(14, 1)
	i := slices.IndexFunc(events, func(e domain.Envelope) bool { return e.EventType == "OrderPlaced" })
	newer := events[i]
	newer.EventID, newer.EventType, newer.Version = uuid.New(), "OrderTeleported", 2
	newer.Payload = json.RawMessage(`{"personal":{"key":"a:1","data":"AA=="}}`)
	b.append(t, events[i], newer)
	got := walk(t, b.feed, feed.Query{Caller: access.Anyone})
	require.Len(t, got, 2)
	require.Nil(t, got[1].Data)
	require.Equal(t, newer.AggregateID, *got[1].OrderID)
}

// Data have the newest version, whatever was recorded.
func TestOldEventsAreShownInTheNewestVersion(t *testing.T) {
	t.Parallel()
	b, id := setup(t), uuid.New()
	b.append(t, domain.Envelope{
		EventID: uuid.New(), AggregateID: id, AggregateType: domain.AggregateOrder, EventType: "OrderPlaced", EventVersion: 1, Version: 1,
		Timestamp: time.Now(), Payload: json.RawMessage(`{"order_id":"` + id.String() + `","order_number":"N","customer_id":"c",
			"items":[{"sku":"A","quantity":1}],"personal":{"key":"c:1"}}`),
	})
	got := walk(t, b.feed, feed.Query{Caller: access.Anyone})
	require.Equal(t, order.OrderPlaced{}.EventVersion(), got[0].SchemaVersion)
	require.Contains(t, string(got[0].Data), order.LineID(id, 1).String())
	require.NotContains(t, string(got[0].Data), "personal")
}

// What is sealed is found by its path. None leads through a list or a map, where it would not be found.
func TestNothingIsSealedInListsAndMaps(t *testing.T) {
	t.Parallel()
	sealed := reflect.TypeFor[domain.Sealed]()
	found := 0
	var deep func(of reflect.Type, path string, listed bool, above []reflect.Type)
	deep = func(of reflect.Type, path string, listed bool, above []reflect.Type) {
		switch {
		case of == sealed:
			require.False(t, listed, path)
			found++
		case of.Kind() == reflect.Pointer:
			deep(of.Elem(), path, listed, above)
		case of.Kind() == reflect.Slice, of.Kind() == reflect.Array, of.Kind() == reflect.Map:
			deep(of.Elem(), path, true, above)
		case of.Kind() == reflect.Struct && !slices.Contains(above, of):
			for i := range of.NumField() {
				deep(of.Field(i).Type, path+"."+of.Field(i).Name, listed, append(slices.Clone(above), of))
			}
		}
	}
	for _, e := range catalog.All() {
		deep(reflect.TypeOf(e), reflect.TypeOf(e).Name(), false, nil)
	}
	require.Positive(t, found)
}
