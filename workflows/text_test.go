package workflows_test

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/workflows"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"
)

// protobuf takes no text that is not UTF-8. A saga whose answer held one would fail its workflow task again and again,
// and stand still for ever.
func TestAnyTextIsAnsweredInUTF8(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"cut within a character": "a" + strings.Repeat("é", 20),
		"long":                   strings.Repeat("商", 300),
		"not UTF-8":              "a\xffb" + strings.Repeat("\xc3", 50),
		"controls":               "a\x00b\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			requireAnswersInUTF8(t, text)
		})
	}
	t.Run("any", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(rt *rapid.T) {
			requireAnswersInUTF8(t, string(rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(rt, "text")))
		})
	})
}

// requireAnswersInUTF8 sends every request and report of an order with this text in every place.
func requireAnswersInUTF8(t *testing.T, text string) {
	p := setup(t, map[string]int{"A@berlin": 5}, noReview)
	lines := []order.LineQuantity{{SKU: text, Quantity: 1}}
	requests := map[string]any{
		workflows.CancelOrder:        workflows.CancelRequest{Reason: text, By: text},
		workflows.CancelLines:        workflows.CancelLinesRequest{RequestID: uuid.New(), Lines: lines, Reason: "x", By: order.ByCustomer},
		workflows.AmendAddress:       workflows.AmendRequest{Country: "DE", Personal: domain.Sealed{Key: "k"}, By: text},
		workflows.ApproveOrder:       workflows.ReviewRequest{By: text},
		workflows.ShipmentDispatched: workflows.Dispatch{ShipmentID: p.orderID, Carrier: text, TrackingNumber: text},
	}
	answers := map[string]*answer{}
	for name, request := range requests {
		answers[name] = p.ask(hour, name, request)
		p.at(2*hour, name, request)
	}
	p.env.RegisterDelayedCallback(func() {
		details := p.details(t)
		require.True(t, utf8.ValidString(details), "%q", details)
		require.Contains(t, details, "**Last refusal:**")
	}, 2*hour+time.Minute)
	p.deliver(3*hour, "berlin")
	require.Equal(t, order.StatusDelivered, p.play(t, p.input("tok_approve", item("A", 1, "10.00"))).Status)
	for name, a := range answers {
		require.Error(t, a.err, name)
		require.NotEmpty(t, code(a.err), name)
		_, err := proto.Marshal(temporal.GetDefaultFailureConverter().ErrorToFailure(a.err))
		require.NoError(t, err, name)
	}
}
