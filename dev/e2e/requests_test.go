package e2e_test

import (
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/orderloom/orderloom/client"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/sagaclient"
	"github.com/orderloom/orderloom/workflows"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/common/v1"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/converter"

	temporal "go.temporal.io/sdk/client"
)

// TestRequestsOfAnOrder asks much of single orders, on a real Temporal server.
func TestRequestsOfAnOrder(t *testing.T) {
	t.Parallel()
	s := openShop(t)
	for name, ask := range map[string]func(*testing.T, *shop){
		"a saga that was reset continues as new":            continuesAfterAReset,
		"a request that comes again writes nothing":         writesNothingTwice,
		"a hundred dispatches and cancellations at once":    answersAHundredAtOnce,
		"a thousand signals, and the order goes on":         outlivesAThousandSignals,
		"anything may be sent, and the next request works":  outlivesAnything,
		"a refusal is no answer for ever to the same again": forgetsARefusal,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ask(t, s)
		})
	}
}

func (o *drilled) history(run string) (events []*history.HistoryEvent) {
	o.t.Helper()
	found := o.sagas.GetWorkflowHistory(o.t.Context(), workflows.OrderSagaID(o.id), run, false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for found.HasNext() {
		e, err := found.Next()
		require.NoError(o.t, err)
		events = append(events, e)
	}
	return events
}

// It fails when the SDK makes its random numbers in another way than workflows/order_continue.go has it. It fails too
// when a saga continues as new that was not reset.
func continuesAfterAReset(t *testing.T, s *shop) {
	in := states["partly shipped"]
	o := s.place(t, in)
	tasks := o.tasks()
	for _, task := range tasks {
		o := s.place(t, in)
		first := o.history("")[0].GetWorkflowExecutionStartedEventAttributes()
		require.Empty(t, first.GetContinuedExecutionRunId(), "nobody has reset it")
		own := o.tasks()
		o.reset(own[min(len(own)-1, indexOf(tasks, task))])
		run := ""
		o.await("a run that continues", func() bool {
			started := o.history("")[0].GetWorkflowExecutionStartedEventAttributes()
			run = started.GetContinuedExecutionRunId()
			return run != ""
		})
		before := o.history(run)
		require.Equal(t, enums.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW, before[len(before)-1].GetEventType())
		o.finish(in.goOn, in.end, func(client.OrderStatus) {})
	}
	o.finish(in.goOn, in.end, func(client.OrderStatus) {})
}

func indexOf(tasks []int64, task int64) int {
	for i, t := range tasks {
		if t == task {
			return i
		}
	}
	return 0
}

func (s *shop) sagaClient() *sagaclient.Client {
	return sagaclient.New(s.sagas, nil, workflows.Deadlines{}, "")
}

func writesNothingTwice(t *testing.T, s *shop) {
	in := states["partly shipped"]
	o := s.place(t, in)
	dispatch := workflows.ShipmentUpdate{Name: workflows.ShipmentDispatched, Report: workflows.Dispatch{
		ShipmentID: o.shipmentFrom("reno").ShipmentID, Carrier: "DHL", TrackingNumber: "T2",
	}}
	amend := workflows.AmendRequest{RequestID: o.id, RequestHash: "h", Country: "US", Personal: domain.Sealed{Key: "k"}, By: order.ByCustomer}
	_, err := s.sagaClient().ReportShipment(t.Context(), o.id, dispatch)
	require.NoError(t, err)
	_, err = s.sagaClient().AmendAddress(t.Context(), o.id, amend)
	require.Error(t, err, "a shipment has left")
	before := len(o.history(""))
	for range 5 {
		answer, err := s.sagaClient().ReportShipment(t.Context(), o.id, dispatch)
		require.NoError(t, err)
		require.True(t, answer.Replayed)
		_, err = s.sagaClient().AmendAddress(t.Context(), o.id, amend)
		require.Error(t, err)
		_, err = s.sagaClient().CancelOrder(t.Context(), o.id, workflows.CancelRequest{Reason: "late", By: order.ByCustomer})
		require.Equal(t, order.CodeNotCancellable, domain.Code(err))
	}
	require.Len(t, o.history(""), before)
	o.finish(in.goOn, in.end, func(client.OrderStatus) {})
}

func answersAHundredAtOnce(t *testing.T, s *shop) {
	in := states["confirmed"]
	o := s.place(t, in)
	shipment := o.shipmentFrom("berlin").ShipmentID
	var all sync.WaitGroup
	errs := make([]error, 200)
	for i := range 100 {
		all.Go(func() {
			report := workflows.Dispatch{ShipmentID: shipment, Carrier: "DHL", TrackingNumber: strconv.Itoa(i)}
			_, errs[i] = s.sagaClient().ReportShipment(t.Context(), o.id, workflows.ShipmentUpdate{Name: workflows.ShipmentDispatched, Report: report})
		})
		all.Go(func() {
			_, errs[100+i] = s.sagaClient().CancelOrder(t.Context(), o.id, workflows.CancelRequest{Reason: "r" + strconv.Itoa(i), By: order.ByCustomer})
		})
	}
	all.Wait()
	for _, err := range errs {
		require.True(t, err == nil || domain.Code(err) != "", "not answered: %v", err)
	}
	if o.shown().Status == client.OrderCancelled {
		o.audit(undone(5))
		return
	}
	o.finish(in.goOn, in.end, func(client.OrderStatus) {})
}

// The saga takes in as many requests as its own limit lets it, and goes on in another run.
func outlivesAThousandSignals(t *testing.T, s *shop) {
	in := states["confirmed"]
	o := s.place(t, in)
	run := o.running()
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 150 {
				require.NoError(t, s.sagas.SignalWorkflow(t.Context(), workflows.OrderSagaID(o.id), "", "no such signal", nil))
			}
		})
	}
	all.Wait()
	o.await("another run", func() bool { now := o.running(); return now != "" && now != run })
	o.finish(in.goOn, in.end, func(client.OrderStatus) {})
}

func outlivesAnything(t *testing.T, s *shop) {
	in := states["confirmed"]
	o := s.place(t, in)
	bodies := []string{"", "null", "17", "[]", "{", "{}", `{"reason":17}`, "{\"reason\":\"\xff\"}", strings.Repeat("x", 1<<20), strings.Repeat("[", 1<<16)}
	for _, name := range []string{workflows.CancelOrder, workflows.CancelLines, workflows.ShipmentDispatched, "unknown"} {
		for _, body := range bodies {
			raw := converter.NewRawValue(&common.Payload{
				Metadata: map[string][]byte{converter.MetadataEncoding: []byte(converter.MetadataEncodingJSON)}, Data: []byte(body),
			})
			require.NoError(t, s.sagas.SignalWorkflow(t.Context(), workflows.OrderSagaID(o.id), "", name, raw))
			handle, err := s.sagas.UpdateWorkflow(t.Context(), temporal.UpdateWorkflowOptions{
				WorkflowID: workflows.OrderSagaID(o.id), UpdateName: name, Args: []any{raw}, WaitForStage: temporal.WorkflowUpdateStageCompleted,
			})
			if err == nil {
				err = handle.Get(t.Context(), nil)
			}
			require.Error(t, err, "%s %.20q", name, body)
		}
	}
	for _, e := range o.history("") {
		require.NotEqual(t, enums.EVENT_TYPE_WORKFLOW_TASK_FAILED, e.GetEventType())
	}
	o.finish(in.goOn, in.end, func(client.OrderStatus) {})
}

// A report that comes too early is refused, and is no longer once the order is confirmed.
func forgetsARefusal(t *testing.T, s *shop) {
	in := states["held"]
	o := s.place(t, in)
	dispatch := func() error {
		report := workflows.Dispatch{ShipmentID: domain.DerivedID(o.id, "shipment/berlin"), Carrier: "DHL", TrackingNumber: "T1"}
		_, err := s.sagaClient().ReportShipment(t.Context(), o.id, workflows.ShipmentUpdate{Name: workflows.ShipmentDispatched, Report: report})
		return err
	}
	require.Error(t, dispatch(), "it waits for a review")
	_, err := s.sagaClient().ReviewOrder(t.Context(), o.id, true, workflows.ReviewRequest{By: "alice"})
	require.NoError(t, err)
	o.awaitStatus(client.OrderConfirmed)
	require.NoError(t, dispatch())
	o.ship("berlin")
	o.audit(in.end)
}
