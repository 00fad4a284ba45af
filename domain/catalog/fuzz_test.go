package catalog_test

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/catalog"
	"github.com/orderloom/orderloom/domain/inventory"
	"github.com/orderloom/orderloom/domain/location"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/stretchr/testify/require"
)

// FuzzDecode reads anything as an event of each type and version. What is no such event is refused. What is one can be
// written, reads back as written, and can be folded whatever state it meets.
func FuzzDecode(f *testing.F) {
	for i, zero := range catalog.All() {
		n, p := 0, reflect.New(reflect.TypeOf(zero)).Elem()
		fill(f, p, &n)
		payload, err := catalog.Encode(p.Interface().(domain.Event))
		require.NoError(f, err)
		for version := 1; version <= zero.EventVersion(); version++ {
			f.Add(i, version, []byte(payload))
			f.Add(i, version, []byte("{}"))
		}
	}
	for _, text := range []string{"", "null", "[]", `{"items":[null]}`, `{"lines":null,"order_id":7}`, `{"items":{"a":1}}`, " {} ", `{"total":{"amount":"1e99"}}`} {
		f.Add(0, 1, []byte(text))
		f.Add(0, 2, []byte(text))
	}
	all := catalog.All()
	f.Fuzz(func(t *testing.T, i, version int, payload []byte) {
		zero := all[(i%len(all)+len(all))%len(all)]
		e, err := catalog.Decode(domain.Envelope{EventType: zero.EventType(), EventVersion: version, Payload: payload})
		if err != nil {
			return
		}
		written, err := catalog.Encode(e)
		require.NoError(t, err)
		require.True(t, json.Valid(written))
		again, err := catalog.Decode(domain.Envelope{EventType: zero.EventType(), EventVersion: zero.EventVersion(), Payload: written})
		require.NoError(t, err)
		rewritten, err := catalog.Encode(again)
		require.NoError(t, err)
		require.Equal(t, string(written), string(rewritten))
		fold(zero.EventType(), e)
	})
}

// fold folds an event twice, onto nothing and onto what it has made.
func fold(eventType string, e domain.Event) {
	switch catalog.AggregateType(eventType) {
	case domain.AggregateOrder:
		order.Evolve(order.Evolve(order.Order{}, e), e)
	case domain.AggregatePayment:
		payment.Evolve(payment.Evolve(payment.Payment{}, e), e)
	case domain.AggregateInventory:
		inventory.Evolve(inventory.Evolve(inventory.Stock{}, e), e)
	case domain.AggregateNetwork:
		location.Evolve(location.Evolve(location.Network{}, e), e)
	}
}
