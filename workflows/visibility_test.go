package workflows_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/workflows"
	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
)

// marks returns what becomes searchable of the order, as it goes on.
func (p *platform) marks() *[]string {
	var marks []string
	p.env.OnUpsertTypedSearchAttributes(mock.Anything).Return(nil).Run(func(args mock.Arguments) {
		written := args.Get(0).(temporal.SearchAttributes)
		if mark, ok := written.GetKeyword(workflows.KeyOrderStatus); ok {
			marks = append(marks, mark)
			return
		}
		causes, _ := written.GetKeywordList(workflows.KeyAttention)
		marks = append(marks, "attention: "+strings.Join(causes, ", "))
	})
	return &marks
}

func TestOrdersAreSearchableByWhatTheyWaitForAndHowTheyEnded(t *testing.T) {
	t.Parallel()
	want := map[string][]string{
		"delivered":          {"delivered"}, // its way there is not worth writing
		"two shipments":      {"delivered"},
		"declined":           {"cancelled"},
		"bank confirms":      {"action_required", "open", "delivered"},
		"bank is silent":     {"action_required", "cancelled"},
		"backordered":        {"backordered", "open", "delivered"},
		"never restocked":    {"backordered", "cancelled"},
		"approved by review": {"held", "open", "delivered"},
		"never reviewed":     {"held", "cancelled"},
	}
	for _, s := range scenarios {
		if want[s.name] == nil {
			continue
		}
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			p := setup(t, s.stock, s.review)
			marks := p.marks()
			p.play(t, s.begin(t, p))
			require.Equal(t, want[s.name], *marks)
		})
	}
}

func TestOverdueOrdersAreSearchableUntilAShipmentLeaves(t *testing.T) {
	t.Parallel()
	p := setup(t, map[string]int{"A@berlin": 5}, noReview)
	marks := p.marks()
	in := p.input("tok_approve", item("A", 2, "10.00"))
	in.Deadlines.Dispatch = hour
	p.deliver(2*hour, "berlin")
	p.play(t, in)
	require.Equal(t, []string{workflows.MarkOverdue, "attention: overdue", workflows.MarkOpen, "attention: ", "delivered"}, *marks)
}

// It fails when the rest of an order that is cancelled after a delivery leaves it searchable as open.
func TestAnOrderWhoseRestIsCancelledIsSearchableAsDelivered(t *testing.T) {
	t.Parallel()
	for name, offset := range map[string]time.Duration{"before the delivery": -time.Minute, "with it": 0, "after it": time.Minute} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := setup(t, map[string]int{"A@berlin": 5, "B@reno": 5}, noReview)
			marks := p.marks()
			p.deliver(hour, "berlin")
			rest := p.ask(2*hour+offset, workflows.CancelLines, workflows.CancelLinesRequest{
				RequestID: uuid.New(), Reason: "too_many", By: "customer", Lines: []order.LineQuantity{{SKU: "B", Quantity: 1}},
			})
			told := p.play(t, p.input("tok_approve", item("A", 2, "10.00"), item("B", 1, "5.00")))
			require.NoError(t, rest.err)
			require.Equal(t, order.StatusDelivered, told.Status)
			require.Equal(t, []string{"delivered"}, *marks)
		})
	}
}

// It fails when a rest that nobody pays is cancelled, and the order stays searchable as one that waits for money
// (adoptMoved, fulfilOrder).
func TestAnOrderWhoseUnpaidRestIsCancelledWaitsForMoneyNoMore(t *testing.T) {
	t.Parallel()
	day := 24 * hour
	for name, end := range map[string]func(*platform){
		"at the deadline": func(*platform) {},
		"by its customer": func(p *platform) {
			p.ask(9*day, workflows.CancelLines, workflows.CancelLinesRequest{
				RequestID: uuid.New(), Lines: []order.LineQuantity{{SKU: "B", Quantity: 2}}, Reason: "too_late", By: "customer",
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := setup(t, twoLocations, noReview)
			marks := p.marks()
			p.dispatchAt(hour, "berlin")
			end(p)
			var before []string
			p.env.RegisterDelayedCallback(func() { before = append(before, *marks...) }, 19*day)
			p.reportAt(20*day, workflows.ShipmentDelivered, "berlin")
			require.Equal(t, order.StatusDelivered, p.play(t, twoShipments(p)).Status)
			require.Contains(t, before, workflows.MarkPaymentRequired)
			require.ElementsMatch(t, []string{workflows.MarkOpen, "attention: "}, before[len(before)-2:], "%v", before)
		})
	}
}
