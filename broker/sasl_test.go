package broker_test

import (
	"context"
	"errors"
	"testing"

	"github.com/orderloom/orderloom/broker"
	"github.com/stretchr/testify/require"
)

func TestCredentialsOfEachMechanism(t *testing.T) {
	t.Parallel()
	for _, name := range []string{broker.Plain, broker.ScramSHA256, broker.ScramSHA512, broker.OAuthBearer} {
		m, err := broker.Mechanism(broker.Credentials{Mechanism: name, Username: "orderloom", Password: "secret"})
		require.NoError(t, err)
		require.Equal(t, name, m.Name())
	}
	_, err := broker.Mechanism(broker.Credentials{Mechanism: "GSSAPI"})
	require.ErrorContains(t, err, `there is no SASL mechanism "GSSAPI"`)
}

// The form of the first message, and of the broker's answers, is that of RFC 7628.
func TestAccessTokensAreSentAsTheyAreAskedFor(t *testing.T) {
	t.Parallel()
	asked := 0
	m, err := broker.Mechanism(broker.Credentials{Mechanism: broker.OAuthBearer, Token: func(context.Context) (string, error) {
		asked++
		return []string{"", "first", "second", "with\x01end", ""}[asked], nil
	}})
	require.NoError(t, err)
	for _, token := range []string{"first", "second"} {
		session, message, err := m.Start(t.Context())
		require.NoError(t, err)
		require.Equal(t, "n,,\x01auth=Bearer "+token+"\x01\x01", string(message))
		done, _, err := session.Next(t.Context(), nil)
		require.NoError(t, err)
		require.True(t, done)
		_, _, err = session.Next(t.Context(), []byte(`{"status":"invalid_token"}`))
		require.ErrorContains(t, err, "invalid_token")
	}
	for range 2 {
		_, _, err = m.Start(t.Context())
		require.Error(t, err, "nothing that ends the message early is sent")
	}
	unknown := errors.New("no token")
	m, err = broker.Mechanism(broker.Credentials{Mechanism: broker.OAuthBearer, Token: func(context.Context) (string, error) { return "", unknown }})
	require.NoError(t, err)
	_, _, err = m.Start(t.Context())
	require.ErrorIs(t, err, unknown)
}
