package codec_test

import (
	"errors"
	"testing"

	"github.com/orderloom/orderloom/codec"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
	"google.golang.org/protobuf/proto"
)

func TestFailuresAreEncrypted(t *testing.T) {
	t.Parallel()
	c, err := codec.NewConverters(codec.Options{Keys: []codec.Key{key("k1", 1)}})
	require.NoError(t, err)
	cause := errors.New("card of Ada Lovelace")
	refused := temporal.NewApplicationErrorWithOptions("declined for Ada Lovelace", "payment_declined",
		temporal.ApplicationErrorOptions{NonRetryable: true, Cause: cause, Details: []any{"Ada"}})

	failure := c.Failure.ErrorToFailure(refused)
	require.NotContains(t, failure.String(), "Ada")
	require.Equal(t, "Encoded failure", failure.Message)
	require.Equal(t, "payment_declined", failure.GetApplicationFailureInfo().GetType(), "the server's retries go by it")
	require.True(t, failure.GetApplicationFailureInfo().GetNonRetryable())

	before := proto.Clone(failure)
	var back *temporal.ApplicationError
	require.ErrorAs(t, c.Failure.FailureToError(failure), &back)
	require.Equal(t, "declined for Ada Lovelace", back.Message())
	require.Equal(t, "payment_declined", back.Type())
	require.ErrorContains(t, back.Unwrap(), "card of Ada Lovelace")
	var detail string
	require.NoError(t, back.Details(&detail))
	require.Equal(t, "Ada", detail)

	require.True(t, proto.Equal(before, failure), "the SDK writes it into the history after it was converted")
	require.NotContains(t, c.Failure.ErrorToFailure(back).String(), "Ada", "an error that is passed on")
	require.NoError(t, c.Failure.FailureToError(nil))
}

func TestDecryptOnlyReadsEncryptedFailures(t *testing.T) {
	t.Parallel()
	on, err := codec.NewConverters(codec.Options{Keys: []codec.Key{key("k1", 1)}})
	require.NoError(t, err)
	off, err := codec.NewConverters(codec.Options{Keys: []codec.Key{key("k1", 1)}, DecryptOnly: true})
	require.NoError(t, err)
	refusal := temporal.NewNonRetryableApplicationError("too late", "not_cancellable", nil)
	require.Contains(t, off.Failure.ErrorToFailure(refusal).Message, "too late")
	require.ErrorContains(t, off.Failure.FailureToError(on.Failure.ErrorToFailure(refusal)), "too late")
}

func TestNoKeysMeansTheSDKsConverters(t *testing.T) {
	t.Parallel()
	c, err := codec.NewConverters(codec.Options{})
	require.NoError(t, err)
	p, err := c.Data.ToPayload("hello")
	require.NoError(t, err)
	require.Equal(t, `"hello"`, string(p.Data))
	require.Equal(t, "hello", c.Failure.ErrorToFailure(temporal.NewApplicationError("hello", "x")).Message)
}
