package workflows

import (
	"encoding/json"
	"testing"

	"github.com/orderloom/orderloom/domain/actor"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/common/v1"
)

// headers are those of a message.
type headers map[string]*common.Payload

func (h headers) Set(name string, p *common.Payload) { h[name] = p }

func (h headers) Get(name string) (*common.Payload, bool) {
	p, ok := h[name]
	return p, ok
}

func (h headers) ForEachKey(handle func(string, *common.Payload) error) error {
	for name, p := range h {
		if err := handle(name, p); err != nil {
			return err
		}
	}
	return nil
}

func TestWhoAsksTravelsInAHeader(t *testing.T) {
	t.Parallel()
	h := headers{}
	require.NoError(t, Actors{}.Inject(t.Context(), h))
	require.Empty(t, h, "the platform itself is nobody")
	ctx, err := Actors{}.Extract(t.Context(), h)
	require.NoError(t, err)
	require.Empty(t, actor.From(ctx))

	require.NoError(t, Actors{}.Inject(actor.With(t.Context(), "support/k-1"), h))
	require.Len(t, h, 1)
	ctx, err = Actors{}.Extract(t.Context(), h)
	require.NoError(t, err)
	require.EqualValues(t, "support/k-1", actor.From(ctx))

	h[actorHeader] = &common.Payload{Data: []byte("{")}
	_, err = Actors{}.Extract(t.Context(), h)
	require.Error(t, err)
}

// A signal has no header that a saga can read, so who reports stands in its body.
func TestWhoReportsStandsInASignal(t *testing.T) {
	t.Parallel()
	for _, report := range []any{Dispatch{Carrier: "DHL", Actor: "warehouse/k-1"}, ShipmentReport{Actor: "warehouse/k-1"}} {
		body, err := json.Marshal(report)
		require.NoError(t, err)
		require.EqualValues(t, "warehouse/k-1", signalledBy(body))
	}
	require.Empty(t, signalledBy([]byte(`{"carrier": "DHL"}`)), "such as by an operator of Temporal")
	require.Empty(t, signalledBy([]byte(`{"actor": 7}`)))
}
