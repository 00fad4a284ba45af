package order_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/stretchr/testify/require"
)

const (
	decideWithin = 72 * time.Hour
	expiresAfter = 30 * 24 * time.Hour
)

// arrived is an order of two pieces of A from Berlin and two of B from Reno, all of it delivered.
func arrived(t *testing.T) order.Order {
	o, berlin, reno := twoShipments(t)
	return must(t, must(t, must(t, must(t, o, dispatch(berlin)), dispatch(reno)), deliver(berlin)), deliver(reno))
}

type decider = func(order.Order) ([]domain.Event, error)

func askToReturn(id uuid.UUID, lines ...order.ReturnLine) decider {
	return func(o order.Order) ([]domain.Event, error) {
		return order.RequestReturn(o, order.AskToReturn{
			ReturnID: id, Lines: lines, Reason: "too small", By: order.ByCustomer, DecideWithin: decideWithin, At: at,
		})
	}
}

func decideReturn(id uuid.UUID, action order.ReturnAction, change ...func(*order.DecideReturn)) decider {
	c := order.DecideReturn{ReturnID: id, Action: action, By: order.ByOperator, Reason: "worn", ExpiresAfter: expiresAfter, At: at}
	for _, f := range change {
		f(&c)
	}
	return func(o order.Order) ([]domain.Event, error) { return order.Decide(o, c) }
}

func receiveReturn(id uuid.UUID, lines ...order.ReturnLine) decider {
	return func(o order.Order) ([]domain.Event, error) {
		return order.Receive(o, order.ReturnOrder{ReturnID: id, Lines: lines, At: at.Add(40 * 24 * time.Hour)})
	}
}

func expire(o order.Order) ([]domain.Event, error) {
	return order.EndReturns(o, at.Add(expiresAfter+decideWithin)), nil
}

// Each step of a return, in each state: it goes on, is done already, or is refused.
func TestTheStepsOfAReturn(t *testing.T) {
	t.Parallel()
	id := uuid.New()
	one := order.ReturnLine{SKU: "A", Quantity: 1, Reason: "damaged"}
	back := order.ReturnLine{SKU: "A", Quantity: 1, Restock: true}
	approve, refuse, cancel := decideReturn(id, order.ReturnApprove), decideReturn(id, order.ReturnRefuse), decideReturn(id, order.ReturnCancel)
	states := map[order.ReturnStatus][]decider{
		order.ReturnStatusRequested: {askToReturn(id, one)},
		order.ReturnStatusApproved:  {askToReturn(id, one), approve},
		order.ReturnStatusReceived:  {askToReturn(id, one), approve, receiveReturn(id, back)},
		order.ReturnStatusRefused:   {askToReturn(id, one), approve, refuse},
		order.ReturnStatusCancelled: {askToReturn(id, one), cancel},
		order.ReturnStatusExpired:   {askToReturn(id, one), approve, expire},
	}
	const done, decided = domain.ErrorCode("done"), order.CodeReturnDecided
	steps := map[string]struct {
		step decider
		want map[order.ReturnStatus]domain.ErrorCode // none for a step that goes on
	}{
		"requested": {askToReturn(id, one), map[order.ReturnStatus]domain.ErrorCode{
			"requested": done, "approved": done, "received": done, "refused": done, "cancelled": done, "expired": done,
		}},
		"requested otherwise": {askToReturn(id, order.ReturnLine{SKU: "A", Quantity: 2, Reason: "damaged"}), map[order.ReturnStatus]domain.ErrorCode{
			"requested": domain.CodeIdempotencyKeyReused, "approved": domain.CodeIdempotencyKeyReused, "received": domain.CodeIdempotencyKeyReused,
			"refused": domain.CodeIdempotencyKeyReused, "cancelled": domain.CodeIdempotencyKeyReused, "expired": domain.CodeIdempotencyKeyReused,
		}},
		"approved": {approve, map[order.ReturnStatus]domain.ErrorCode{
			"approved": done, "received": done, "refused": done, "cancelled": decided, "expired": done,
		}},
		"approved with another label": {decideReturn(id, order.ReturnApprove, func(c *order.DecideReturn) { c.Carrier = "UPS" }), map[order.ReturnStatus]domain.ErrorCode{
			"approved": decided, "received": decided, "refused": decided, "cancelled": decided, "expired": decided,
		}},
		"refused": {refuse, map[order.ReturnStatus]domain.ErrorCode{"received": decided, "refused": done, "cancelled": decided, "expired": decided}},
		"refused otherwise": {decideReturn(id, order.ReturnRefuse, func(c *order.DecideReturn) { c.Reason = "lost" }), map[order.ReturnStatus]domain.ErrorCode{
			"received": decided, "refused": decided, "cancelled": decided, "expired": decided,
		}},
		"cancelled": {cancel, map[order.ReturnStatus]domain.ErrorCode{"received": decided, "refused": decided, "cancelled": done, "expired": decided}},
		"received": {receiveReturn(id, back), map[order.ReturnStatus]domain.ErrorCode{
			"requested": order.CodeReturnNotApproved, "received": done, "refused": decided, "cancelled": decided,
		}},
		"received otherwise": {receiveReturn(id, order.ReturnLine{SKU: "A", Quantity: 1}), map[order.ReturnStatus]domain.ErrorCode{
			"requested": order.CodeReturnNotApproved, "received": decided, "refused": decided, "cancelled": decided,
		}},
		"more is received": {receiveReturn(id, back, back), map[order.ReturnStatus]domain.ErrorCode{
			"requested": order.CodeReturnNotApproved, "approved": domain.CodeInvalid, "received": decided, "refused": decided, "cancelled": decided,
			"expired": domain.CodeInvalid,
		}},
	}
	for status, way := range states {
		for name, s := range steps {
			t.Run(string(status)+", "+name, func(t *testing.T) {
				t.Parallel()
				o := arrived(t)
				for _, step := range way {
					o = must(t, o, step)
				}
				r, known := o.FindReturn(id)
				require.True(t, known)
				require.Equal(t, status, r.Status)
				events, err := s.step(o)
				switch want := s.want[status]; want {
				case "":
					require.NoError(t, err)
					require.Len(t, events, 1)
				case done:
					require.NoError(t, err)
					require.Empty(t, events)
				default:
					require.Equal(t, want, domain.Code(err))
				}
			})
		}
	}
}

// Pieces under a return belong to that one, until it ends without them.
func TestPiecesAreUnderOneReturn(t *testing.T) {
	t.Parallel()
	first, second := uuid.New(), uuid.New()
	all := order.ReturnLine{SKU: "A", Quantity: 2, Reason: "other"}
	o := must(t, arrived(t), askToReturn(first, all))
	line := o.Items[0].LineID
	require.Equal(t, 2, o.UnderReturn(line))
	refund := []order.RefundLine{{SKU: "A", Quantity: 1}}
	none := func(uuid.UUID) order.GoneBack {
		return order.GoneBack{Amount: money.Zero("EUR"), ForPieces: money.Zero("EUR")}
	}
	for name, decide := range map[string]decider{
		"another request":       askToReturn(second, order.ReturnLine{SKU: "A", Quantity: 1, Reason: "other"}),
		"goods without request": bringBack(second, order.ReturnLine{SKU: "A", Quantity: 1}),
		"a refund of pieces": func(o order.Order) ([]domain.Event, error) {
			_, err := order.RefundLines(o, refund, none)
			return nil, err
		},
	} {
		_, err := decide(o)
		require.Equal(t, domain.CodeInvalid, domain.Code(err), name)
	}
	require.NotEmpty(t, must(t, o, bringBack(second, order.ReturnLine{SKU: "B", Quantity: 2})).Returns, "others may come back")

	refused := must(t, o, decideReturn(first, order.ReturnRefuse))
	_, err := order.RefundLines(refused, refund, none)
	require.NoError(t, err)
	refused = must(t, refused, askToReturn(second, all))
	require.Equal(t, 2, refused.UnderReturn(line))

	o = must(t, o, decideReturn(first, order.ReturnApprove))
	fewer := must(t, o, receiveReturn(first, order.ReturnLine{SKU: "A", Quantity: 1, Restock: true, Location: "reno"}))
	r, _ := fewer.FindReturn(first)
	require.Equal(t, []order.ReturnPieces{{LineID: line, SKU: "A", Quantity: 2, Received: 1, Restocked: 1, Reason: "other"}}, r.Lines)
	require.Equal(t, "10.00 EUR", r.Amount.String())
	require.Zero(t, fewer.UnderReturn(line))
	must(t, fewer, askToReturn(second, order.ReturnLine{SKU: "A", Quantity: 1, Reason: "other"}))
}

// Goods of an expired return may come after all, but not pieces that came back otherwise meanwhile.
func TestGoodsOfAnExpiredReturn(t *testing.T) {
	t.Parallel()
	id, other := uuid.New(), uuid.New()
	o := must(t, must(t, arrived(t), askToReturn(id, order.ReturnLine{SKU: "A", Quantity: 2, Reason: "other"})), decideReturn(id, order.ReturnApprove))
	o = must(t, o, expire)
	require.Empty(t, order.EndReturns(o, at.AddDate(1, 0, 0)), "once")
	o = must(t, o, bringBack(other, order.ReturnLine{SKU: "A", Quantity: 1}))
	_, err := receiveReturn(id, order.ReturnLine{SKU: "A", Quantity: 2})(o)
	require.Equal(t, domain.CodeInvalid, domain.Code(err))
	o = must(t, o, receiveReturn(id, order.ReturnLine{SKU: "A", Quantity: 1}))
	r, _ := o.FindReturn(id)
	require.Equal(t, order.ReturnStatusReceived, r.Status)
	require.Equal(t, 2, o.Shipments[0].Lines[0].Returned)
}

func TestReturnsAreDueInTime(t *testing.T) {
	t.Parallel()
	id := uuid.New()
	o := must(t, arrived(t), askToReturn(id, order.ReturnLine{SKU: "A", Quantity: 1, Reason: "other"}))
	require.Equal(t, at.Add(decideWithin), o.ReturnsDue())
	require.Empty(t, order.EndReturns(o, at.Add(decideWithin-1)))
	late := apply(o, order.EndReturns(o, at.Add(decideWithin)))
	r, _ := late.FindReturn(id)
	require.True(t, r.Overdue)
	require.Equal(t, order.ReturnStatusRequested, r.Status, "it waits on")
	require.True(t, late.ReturnsDue().IsZero())
	o = must(t, late, decideReturn(id, order.ReturnApprove))
	r, _ = o.FindReturn(id)
	require.False(t, r.Overdue)
	require.Equal(t, at.Add(expiresAfter), o.ReturnsDue())
	require.Empty(t, order.EndReturns(o, at.Add(expiresAfter-1)))
	require.Equal(t, []domain.Event{order.ReturnExpired{OrderID: o.ID, ReturnID: id, ExpiredAt: at.Add(expiresAfter)}}, order.EndReturns(o, at.Add(expiresAfter)))
	for _, forever := range []decider{
		func(o order.Order) ([]domain.Event, error) {
			return order.RequestReturn(o, order.AskToReturn{
				ReturnID: id, Lines: []order.ReturnLine{{SKU: "A", Quantity: 1, Reason: "other"}}, By: order.ByOperator, At: at,
			})
		},
		decideReturn(id, order.ReturnApprove, func(c *order.DecideReturn) { c.ExpiresAfter = 0 }),
	} {
		o = arrived(t)
		if events, err := forever(o); err == nil {
			o = apply(o, events)
		}
		require.Empty(t, order.EndReturns(o, at.AddDate(9, 0, 0)), "without a deadline it waits for ever")
	}
}

func TestRequestsOfReturnsAreChecked(t *testing.T) {
	t.Parallel()
	good := order.AskToReturn{ReturnID: uuid.New(), Lines: []order.ReturnLine{{SKU: "A", Quantity: 1, Reason: "other"}}, By: order.ByCustomer, At: at}
	for name, c := range map[string]struct {
		change func(*order.AskToReturn)
		field  string
	}{
		"no id":                   {func(c *order.AskToReturn) { c.ReturnID = uuid.Nil }, "return_id"},
		"no lines":                {func(c *order.AskToReturn) { c.Lines = nil }, "lines"},
		"no reason of a line":     {func(c *order.AskToReturn) { c.Lines[0].Reason = "" }, "lines[0].reason"},
		"a reason that is none":   {func(c *order.AskToReturn) { c.Lines[0].Reason = "ugly" }, "lines[0].reason"},
		"a note with a control":   {func(c *order.AskToReturn) { c.Lines[0].Note = "a\x00" }, "lines[0].note"},
		"nobody":                  {func(c *order.AskToReturn) { c.By = "a ghost" }, "by"},
		"more pieces than came":   {func(c *order.AskToReturn) { c.Lines[0].Quantity = 3 }, "lines[0]"},
		"more in several entries": {func(c *order.AskToReturn) { c.Lines = slices.Repeat(c.Lines, 3) }, "lines[2]"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ask := good
			ask.Lines = slices.Clone(good.Lines)
			c.change(&ask)
			_, err := order.RequestReturn(arrived(t), ask)
			var bad domain.Invalids
			require.ErrorAs(t, err, &bad)
			require.Equal(t, c.field, bad[0].Field)
		})
	}
	t.Run("as many as there may be", func(t *testing.T) {
		t.Parallel()
		o := arrived(t)
		for range order.ReturnsMax {
			id := uuid.New()
			o = must(t, must(t, o, askToReturn(id, good.Lines[0])), decideReturn(id, order.ReturnCancel))
		}
		_, err := askToReturn(uuid.New(), good.Lines[0])(o)
		require.Equal(t, order.CodeTooManyReturns, domain.Code(err))
	})
}
