package workflows_test

import (
	"bytes"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/workflows"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/testsuite"
)

// raw is a payload as any program may send it.
func raw(encoding string, body []byte) converter.RawValue {
	return converter.NewRawValue(&common.Payload{Metadata: map[string][]byte{converter.MetadataEncoding: []byte(encoding)}, Data: body})
}

var requestNames = []string{
	workflows.CancelOrder, workflows.CancelLines, workflows.EditOrder, workflows.AmendAddress, workflows.CorrectTracking, workflows.ApproveOrder,
	workflows.ProvidePayment,
	workflows.RejectOrder, workflows.ShipmentDispatched, workflows.ShipmentDelivered, workflows.ShipmentLost, workflows.ShipmentRefused,
}

// FuzzRequests sends anything to a running saga, as an update and as a signal. Whatever it is, no workflow task fails,
// a refusal can be seen, and the next valid request works.
func FuzzRequests(f *testing.F) {
	bodies := []string{
		"", " ", "null", "true", "17", `"text"`, "[]", "{}", `{"reason":17,"by":[]}`, `{"reason":"r","by":"customer"}`,
		`{"shipment_id":"no uuid"}`, `{"shipment_id":{"a":1}}`, `{"lines":{"sku":"A"}}`, `{"lines":[null],"request_id":null}`,
		"{\"reason\":\"\xff\xfe\",\"by\":\"customer\"}", `{"reason":"` + strings.Repeat("商", 1000) + `","by":"operator"}`,
		strings.Repeat(`{"a":`, 20_000) + "1" + strings.Repeat("}", 20_000), strings.Repeat("[", 1<<16), "{", "\x00",
	}
	for _, body := range bodies {
		for _, name := range append(requestNames, "unknown", "") {
			f.Add(name, "json/plain", []byte(body))
		}
	}
	f.Add(workflows.CancelOrder, "binary/null", []byte(nil))
	f.Add(workflows.CancelOrder, "binary/plain", []byte("x"))
	f.Add(workflows.CancelOrder, "\xff", []byte(`{"reason":"r","by":"customer"}`))
	f.Add(workflows.AmendAddress, "json/plain", bytes.Repeat([]byte("a"), 1<<20))
	f.Fuzz(requireHarmless)
}

func requireHarmless(t *testing.T, name, encoding string, body []byte) {
	if !utf8.ValidString(name) || strings.HasPrefix(name, "__") {
		return // no server takes such a name from a client
	}
	p := setup(t, map[string]int{"A@berlin": 5}, noReview)
	var update answer
	p.env.RegisterDelayedCallback(func() {
		p.env.UpdateWorkflow(name, uuid.NewString(), &testsuite.TestUpdateCallback{
			OnAccept:   func() {},
			OnReject:   func(err error) { update.err, update.done = err, true },
			OnComplete: func(_ any, err error) { update.err, update.done = err, true },
		}, raw(encoding, body))
	}, hour)
	var before, after string
	p.env.RegisterDelayedCallback(func() {
		if !p.env.IsWorkflowCompleted() {
			before = p.details(t)
			p.env.SignalWorkflow(name, raw(encoding, body))
		}
	}, 2*hour)
	p.env.RegisterDelayedCallback(func() {
		if !p.env.IsWorkflowCompleted() {
			after = p.details(t)
		}
	}, 2*hour+time.Minute)
	p.deliver(3*hour, "berlin")
	told := p.play(t, p.input("tok_approve", item("A", 1, "10.00")))
	require.True(t, update.done, "it was never answered")
	require.Contains(t, []order.Status{order.StatusDelivered, order.StatusCancelled}, told.Status)
	if update.err != nil && told.Status == order.StatusDelivered && before != "" {
		require.Contains(t, after, "**Last refusal:**", "the same is refused as a signal")
	}
	require.True(t, utf8.ValidString(after))
}

func TestManyArgumentsAndNoneAreNoFailure(t *testing.T) {
	t.Parallel()
	p := setup(t, map[string]int{"A@berlin": 5}, noReview)
	var none, many, wrong answer
	send := func(a *answer, args ...any) {
		p.env.RegisterDelayedCallback(func() {
			p.env.UpdateWorkflow(workflows.CancelOrder, uuid.NewString(), &testsuite.TestUpdateCallback{
				OnAccept: func() {}, OnReject: func(err error) { a.err = err }, OnComplete: func(_ any, err error) { a.err = err },
			}, args...)
		}, hour)
	}
	send(&none)
	send(&many, workflows.CancelRequest{By: "customer"}, "call", 3, "four")
	send(&wrong, workflows.CancelRequest{By: "customer"}, map[string]int{"call": 1})
	p.deliver(2*hour, "berlin")
	require.Equal(t, order.StatusDelivered, p.play(t, p.input("tok_approve", item("A", 1, "10.00"))).Status)
	for _, a := range []answer{none, many, wrong} {
		require.Error(t, a.err)
	}
}
