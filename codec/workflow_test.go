package codec_test

import (
	"testing"

	"github.com/orderloom/orderloom/codec"
	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
)

// The SDK fails an execution whose input is an error to decode, and retries a task that panics.
func TestInAWorkflowAPayloadWithoutItsKeyFailsTheTask(t *testing.T) {
	t.Parallel()
	written, err := codec.DataConverter(key("k1", 1))
	require.NoError(t, err)
	payload, err := written.ToPayload("secret")
	require.NoError(t, err)
	payloads := &commonpb.Payloads{Payloads: []*commonpb.Payload{payload}}
	inWorkflow := func(keys ...codec.Key) converter.DataConverter {
		c, err := codec.DataConverter(keys...)
		require.NoError(t, err)
		return c.(converter.ContextAware).WithWorkflowContext(nil)
	}
	var text string
	for name, c := range map[string]converter.DataConverter{
		"another key":         inWorkflow(key("k2", 2)),
		"no key":              inWorkflow(),
		"a wrong key":         inWorkflow(key("k1", 9)),
		"through the SDK too": converter.MakeTransferAware(must(codec.DataConverter(key("k2", 2)))).(converter.ContextAware).WithWorkflowContext(nil),
	} {
		require.Panics(t, func() { _ = c.FromPayload(payload, &text) }, name)
		require.Panics(t, func() { _ = c.FromPayloads(payloads, &text) }, name)
		var request converter.RawValue
		require.NotPanics(t, func() { _ = c.FromPayload(payload, &request) }, "a request is refused: %s", name)
	}
	right := inWorkflow(key("k2", 2), key("k1", 1))
	require.NoError(t, right.FromPayload(payload, &text))
	require.Equal(t, "secret", text)
	number := 0
	require.NotPanics(t, func() { require.Error(t, right.FromPayload(payload, &number)) }, "a wrong type is the sender's fault")
	outside, err := codec.DataConverter(key("k2", 2))
	require.NoError(t, err)
	require.ErrorIs(t, outside.FromPayload(payload, &text), codec.ErrUnknownKey, "outside of workflows it is an error")
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
