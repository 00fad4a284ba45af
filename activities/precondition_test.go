package activities_test

import (
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/activities"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/domain/precondition"
	"github.com/orderloom/orderloom/eventstore"
	"github.com/stretchr/testify/require"
)

// seen is the state in which the order is now.
func (o *testOrder) seen() (s precondition.State) {
	o.t.Helper()
	var err error
	_, s.Order, err = eventstore.Fold(o.t.Context(), o.events, eventstore.Aggregate[order.Order]{Type: domain.AggregateOrder, Evolve: order.Evolve}, o.id)
	require.NoError(o.t, err)
	_, s.Payment, err = eventstore.Fold(o.t.Context(), o.events,
		eventstore.Aggregate[payment.Payment]{Type: domain.AggregatePayment, Evolve: payment.Evolve}, payment.ID(o.id))
	require.NoError(o.t, err)
	return s
}

// onlyIf returns the same order with steps on a precondition.
func (o *testOrder) onlyIf(states ...precondition.State) *testOrder {
	other := *o
	other.when = precondition.Of(states...)
	return &other
}

// requested are the steps that decide on a request, each with an order that it is possible for.
func requested(b *testBundle) map[string]func(t *testing.T) (*testOrder, func(*testOrder) error) {
	held := func(o *activities.Options) { o.Review = activities.ReviewRules{Customers: []string{"cus_1"}} }
	step := func(o *testOrder, do func(o *testOrder) error) (*testOrder, func(*testOrder) error) { return o, do }
	id := uuid.New()
	return map[string]func(t *testing.T) (*testOrder, func(*testOrder) error){
		"cancel": func(t *testing.T) (*testOrder, func(*testOrder) error) {
			return step(b.order(t).confirmed(), (*testOrder).cancel)
		},
		"cancel lines": func(t *testing.T) (*testOrder, func(*testOrder) error) {
			return step(b.order(t).confirmed(), func(o *testOrder) error {
				return errorOf(o, o.CancelLines, activities.CancelLines{
					OrderID: o.id, RequestID: id, Lines: []order.LineQuantity{{SKU: o.a, Quantity: 1}}, Reason: "x", By: order.ByCustomer, At: at,
				})
			})
		},
		"edit": func(t *testing.T) (*testOrder, func(*testOrder) error) {
			return step(b.order(t).confirmed(), func(o *testOrder) error { return errorOf(o, o.EditOrder, o.editInput()) })
		},
		"amend": func(t *testing.T) (*testOrder, func(*testOrder) error) {
			change := []byte(`{"shipping_address":{"street":"Neue Str. 1","city":"Berlin","state":"","zip":"10115","country":"DE"}}`)
			return step(b.order(t).confirmed(), func(o *testOrder) error {
				return errorOf(o, o.AmendAddress, activities.AmendAddress{
					OrderID: o.id, CustomerID: "cus_1", Country: "DE", Personal: domain.Sealed{Key: "inline", Data: change}, By: order.ByCustomer,
					RequestID: id.String(), RequestHash: "elsewhere", At: at,
				})
			})
		},
		"details": func(t *testing.T) (*testOrder, func(*testOrder) error) {
			return step(b.order(t).confirmed(), func(o *testOrder) error {
				return errorOf(o, o.ChangeDetails, activities.ChangeDetails{
					OrderID: o.id, RequestID: id, Change: order.DetailsChange{AddTags: []string{"rush"}}, By: "ann", At: at,
				})
			})
		},
		"note": func(t *testing.T) (*testOrder, func(*testOrder) error) {
			return step(b.order(t).confirmed(), func(o *testOrder) error {
				return errorOf(o, o.AddNote, activities.AddNote{
					OrderID: o.id, NoteID: id, RequestHash: "h", CustomerID: "cus_1", Author: "ann", Text: domain.Sealed{Key: "inline", Data: []byte(`"x"`)}, At: at,
				})
			})
		},
		"approve": func(t *testing.T) (*testOrder, func(*testOrder) error) {
			return step(b.order(t, held).place(), func(o *testOrder) error {
				return errorOf(o, o.ApproveOrder, activities.ApproveOrder{OrderID: o.id, By: "ann", At: at})
			})
		},
		"dispatch": func(t *testing.T) (*testOrder, func(*testOrder) error) {
			return step(b.order(t).confirmed(), func(o *testOrder) error { return o.dispatch(o.dispatchInput("berlin")) })
		},
		"tracking": func(t *testing.T) (*testOrder, func(*testOrder) error) {
			return step(b.order(t).dispatched(), func(o *testOrder) error {
				return errorOf(o, o.CorrectTracking, activities.CorrectTracking{
					OrderID: o.id, ShipmentID: o.shipment("berlin"), RequestID: id, Carrier: "DHL", TrackingNumber: "T2", At: at,
				})
			})
		},
		"deliver": func(t *testing.T) (*testOrder, func(*testOrder) error) {
			return step(b.order(t).dispatched(), func(o *testOrder) error { return errorOf(o, o.DeliverShipment, o.endInput("berlin")) })
		},
		"lose": func(t *testing.T) (*testOrder, func(*testOrder) error) {
			return step(b.order(t).dispatched(), func(o *testOrder) error { return errorOf(o, o.LoseShipment, o.endInput("berlin")) })
		},
		"refuse": func(t *testing.T) (*testOrder, func(*testOrder) error) {
			return step(b.order(t).dispatched(), func(o *testOrder) error { return errorOf(o, o.RefuseShipment, o.endInput("berlin")) })
		},
		"return": func(t *testing.T) (*testOrder, func(*testOrder) error) {
			o := b.order(t).delivered()
			in := o.returnAll()
			return step(o, func(o *testOrder) error { return errorOf(o, o.ReturnGoods, in) })
		},
		"request a return": func(t *testing.T) (*testOrder, func(*testOrder) error) {
			return step(b.order(t).delivered(), func(o *testOrder) error { _, err := o.requestReturn(1); return err })
		},
		"refund": func(t *testing.T) (*testOrder, func(*testOrder) error) {
			o := b.order(t).delivered()
			in := o.requestInput("5.00")
			return step(o, func(o *testOrder) error { return errorOf(o, o.RequestRefund, in) })
		},
	}
}

// Fails where a step that decides on a request forgets its precondition, or refuses a retry of what it has done.
func TestWhatIsRecordedForARequestHasItsPrecondition(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for name, given := range requested(b) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o, do := given(t)
			seen := o.seen()
			before := len(o.gateway.captures) + len(o.gateway.voids) + len(o.gateway.refunds)
			for _, other := range []*testOrder{
				o.onlyIf(), o.onlyIf(precondition.State{Order: seen.Order - 1, Payment: seen.Payment}),
				o.onlyIf(precondition.State{Order: seen.Order, Payment: seen.Payment + 1}),
			} {
				o.requireUnchanged(func() { requireRefused(t, precondition.CodeFailed, do(other)) })
			}
			require.Equal(t, before, len(o.gateway.captures)+len(o.gateway.voids)+len(o.gateway.refunds), "no money moves for what is refused")
			asked := o.onlyIf(precondition.State{Order: 99}, seen)
			require.NoError(t, do(asked))
			o.requireUnchanged(func() { require.NoError(t, do(asked), "a retry whose answer was lost is no other request") })
			require.NotEqual(t, seen, o.seen())
		})
	}
}

// Of many requests that have seen the same order, one is carried out, whatever process they come to.
func TestOneOfManyThatHaveSeenTheSameIsCarriedOut(t *testing.T) {
	t.Parallel()
	b := setup(t)
	o := b.order(t).confirmed()
	other, err := eventstore.Open(t.Context(), b.pool, eventstore.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, other.Close(t.Context())) })
	elsewhere := *o
	elsewhere.Activities = activities.New(activities.Options{
		Events: eventstore.NewRepository(other, eventstore.RepositoryOptions{}), Gateway: o.gateway, Vault: o.vault,
	})
	for range 3 {
		seen := o.seen()
		const callers = 16
		var done [callers]error
		var all sync.WaitGroup
		for i := range callers {
			all.Go(func() {
				asked := o.onlyIf(seen)
				if i%2 == 1 {
					asked = elsewhere.onlyIf(seen)
				}
				done[i] = errorOf(asked.as(uuid.NewString()), asked.ChangeDetails, activities.ChangeDetails{
					OrderID: o.id, RequestID: uuid.New(), Change: order.DetailsChange{Metadata: map[string]string{"by": uuid.NewString()}}, By: "ann", At: at,
				})
			})
		}
		all.Wait()
		carriedOut := 0
		for _, err := range done {
			if err == nil {
				carriedOut++
				continue
			}
			requireRefused(t, precondition.CodeFailed, err)
		}
		require.Equal(t, 1, carriedOut)
		require.Equal(t, seen.Order+1, o.seen().Order)
	}
}

func TestAPreconditionIsLookedAtBeforeAnythingIsDone(t *testing.T) {
	t.Parallel()
	o := setup(t).order(t).confirmed()
	require.NoError(t, runForEffect(o, o.CheckPrecondition, o.id))
	require.NoError(t, runForEffect(o.onlyIf(o.seen()), o.CheckPrecondition, o.id))
	requireRefused(t, precondition.CodeFailed, runForEffect(o.onlyIf(precondition.State{Order: 1}), o.CheckPrecondition, o.id))
}
