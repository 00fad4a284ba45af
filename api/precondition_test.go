package api

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/precondition"
	"github.com/orderloom/orderloom/workflows"
	"github.com/stretchr/testify/require"
)

func TestIfMatchIsReadAsTheRFCHasIt(t *testing.T) {
	t.Parallel()
	one := precondition.State{Order: 4, Payment: 2}
	for header, want := range map[string]precondition.Precondition{
		`*`:                                    "",
		` * `:                                  "",
		`"o4.p2.2026-11-27"`:                   precondition.Of(one),
		`"o4.p2.erased.2026-11-27"`:            precondition.Of(one),
		`"o4.p2.parked.2027-01-01"`:            precondition.Of(one),
		`"x", "o4.p2.2026-11-27"`:              precondition.Of(one),
		"\t\"a,b\" ,\t\"o4.p2.2026-11-27\" ":   precondition.Of(one),
		`"o4.p2.v", "o5.p2.v"`:                 precondition.Of(one, precondition.State{Order: 5, Payment: 2}),
		`W/"o4.p2.2026-11-27"`:                 precondition.Of(), // it is compared strongly (section 13.1.1)
		`"*"`:                                  precondition.Of(),
		`""`:                                   precondition.Of(),
		`"o4"`:                                 precondition.Of(),
		`"o99999999999999999999999.p1.v"`:      precondition.Of(),
		`W/"o4.p2.2026-11-27","o4.p2.2026-11"`: precondition.Of(one),
	} {
		got, ok := preconditionOf(header)
		require.True(t, ok, header)
		require.Equal(t, want, got, header)
	}
	for _, wrong := range []string{``, `o4.p2`, `"o4`, `"a" "b"`, `"a",`, `,"a"`, `w/"a"`, `*, "a"`, `"a"x`, "\"a\x00\""} {
		_, ok := preconditionOf(wrong)
		require.False(t, ok, wrong)
	}
	require.Error(t, precondition.Of().Check(one))
	require.NoError(t, precondition.Precondition("").Check(one))
	require.NoError(t, precondition.Of(one).Check(one))
	require.Equal(t, precondition.CodeFailed, domain.Code(precondition.Of(one).Check(precondition.State{Order: 4, Payment: 12})))
}

// seenSagas are sagas that compare the precondition with the order as it is.
type seenSagas struct {
	*fakePlatform
	is   precondition.State
	seen chan precondition.Precondition
}

func (s *seenSagas) check(ctx context.Context) error {
	p := precondition.From(ctx)
	select {
	case s.seen <- p:
	default:
	}
	return p.Check(s.is)
}

func (s *seenSagas) CancelOrder(ctx context.Context, id uuid.UUID, r workflows.CancelRequest) (workflows.OrderState, error) {
	if err := s.check(ctx); err != nil {
		return workflows.OrderState{}, err
	}
	return s.fakePlatform.CancelOrder(ctx, id, r)
}

func (s *seenSagas) ChangeDetails(ctx context.Context, in workflows.DetailsInput) (workflows.Recorded, error) {
	if err := s.check(ctx); err != nil {
		return workflows.Recorded{}, err
	}
	return s.fakePlatform.ChangeDetails(ctx, in)
}

func (s *seenSagas) ReportShipment(ctx context.Context, id uuid.UUID, n workflows.ShipmentUpdate) (workflows.OrderState, error) {
	if err := s.check(ctx); err != nil {
		return workflows.OrderState{}, err
	}
	return s.fakePlatform.ReportShipment(ctx, id, n)
}

func TestAnOrderIsChangedAsItWasSeen(t *testing.T) {
	t.Parallel()
	sagas := &seenSagas{is: precondition.State{Order: 2, Payment: 1}, seen: make(chan precondition.Precondition, 100)}
	b := setup(t, func(o *Options) {
		sagas.fakePlatform = o.Sagas.(*fakePlatform)
		o.Sagas = sagas
	})
	b.givenOrder(t, order.StatusConfirmed, order.ShipmentStatusPlanned)
	b.cancelState = workflows.OrderState{OrderID: someOrder, OrderNumber: order.Number(someOrder), Status: order.StatusCancelled}
	tag := b.get(t, orderPath("")).header.Get("ETag")
	requests := map[string]string{
		"/cancel": `{"reason": "customer_request"}`, "/details": `{"add_tags": ["rush"]}`, "/shipments/" + someShipment.String() + "/dispatch": goodDispatch,
	}
	for path, body := range requests {
		p := b.post(t, orderPath(path), body, ifMatch, `"o1.p1.2026-11-27"`).problem(t, http.StatusPreconditionFailed, precondition.CodeFailed)
		require.NotNil(t, p.Order, "it tells where the order stands")
		require.Equal(t, precondition.Of(precondition.State{Order: 1, Payment: 1}), <-sagas.seen)
		for _, good := range []string{tag, `"x", ` + tag, "*"} {
			a := b.post(t, orderPath(path), body, ifMatch, good)
			require.Equal(t, http.StatusOK, a.status, a.body)
			<-sagas.seen
		}
		b.post(t, orderPath(path), body, ifMatch, "o2.p1").problem(t, http.StatusUnprocessableEntity, codeInvalid)
		b.post(t, orderPath(path), body)
		require.Empty(t, <-sagas.seen)
	}
}

// A caller must be able to rely on the header: an operation takes it, or refuses it.
func TestIfMatchIsTakenOrRefused(t *testing.T) {
	t.Parallel()
	takes := 0
	for _, name := range contract().Operations() {
		method, path, _ := strings.Cut(name, " ")
		if method != http.MethodPost || !strings.HasPrefix(path, shownOrderPath+"/") {
			continue
		}
		named := false
		list, _ := contract().At("paths", path, "post", "parameters").([]any)
		for i := range list {
			p, _ := contract().At("paths", path, "post", "parameters", fmt.Sprint(i)).(map[string]any)
			named = named || p["name"] == ifMatch
		}
		if named {
			takes++
			require.NotNil(t, contract().At("paths", path, "post", "responses", "412"), path)
			continue
		}
		b := setup(t)
		target := strings.NewReplacer("{order_id}", someOrder.String(), "{refund_id}", someOrder.String(), "{attention_id}", someOrder.String()).Replace(path)
		fields := b.post(t, target, operations[name], ifMatch, "*").problem(t, http.StatusUnprocessableEntity, codeInvalid).fields()
		require.Contains(t, fields, "header:If-Match", path)
		require.True(t, b.untouched())
	}
	require.GreaterOrEqual(t, takes, 20)
}
