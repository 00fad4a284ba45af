package stack_test

import (
	"net"
	"testing"

	"github.com/orderloom/orderloom/dev/stack"
	"github.com/stretchr/testify/require"
)

// A server that is given and does not answer is named, before anything is started.
// Fails without awaitGiven: the stack then says that it serves.
func TestAGivenServerThatIsDeadIsNamed(t *testing.T) {
	t.Parallel()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	dead := l.Addr().String()
	require.NoError(t, l.Close())
	for variable, given := range map[string]stack.Addresses{
		"DATABASE_URL":     {DatabaseURL: "postgres://ada:secret@" + dead + "/orderloom"},
		"TEMPORAL_ADDRESS": {TemporalAddress: dead},
		"KAFKA_BROKERS":    {KafkaBrokers: dead},
	} {
		t.Run(variable, func(t *testing.T) {
			t.Parallel()
			s, err := stack.Start(t.Context(), stack.Options{Given: given})
			require.ErrorContains(t, err, "the server of "+variable+" does not answer")
			require.NotContains(t, err.Error(), "secret")
			require.Nil(t, s)
		})
	}
}
