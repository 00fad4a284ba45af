package broker

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/segmentio/kafka-go/sasl"
	"github.com/segmentio/kafka-go/sasl/plain"
	"github.com/segmentio/kafka-go/sasl/scram"
)

// Mechanisms of [Credentials].
const (
	Plain       = "PLAIN"
	ScramSHA256 = "SCRAM-SHA-256"
	ScramSHA512 = "SCRAM-SHA-512"
	OAuthBearer = "OAUTHBEARER"
)

// Credentials say who we are to Kafka.
type Credentials struct {
	// Mechanism is one of the constants above.
	Mechanism string
	// Username and Password are for all mechanisms but OAUTHBEARER.
	Username, Password string
	// Token returns an access token for OAUTHBEARER. It is asked for each connection.
	Token func(context.Context) (string, error)
}

// Mechanism returns how a connection proves who we are. Errors: an unknown mechanism; a name or a password that SCRAM
// can't express.
func Mechanism(c Credentials) (sasl.Mechanism, error) {
	var m sasl.Mechanism
	var err error
	switch c.Mechanism {
	case Plain:
		m = plain.Mechanism{Username: c.Username, Password: c.Password}
	case ScramSHA256:
		m, err = scram.Mechanism(scram.SHA256, c.Username, c.Password)
	case ScramSHA512:
		m, err = scram.Mechanism(scram.SHA512, c.Username, c.Password)
	case OAuthBearer:
		m = oauthBearer(c.Token)
	default:
		err = fmt.Errorf("there is no SASL mechanism %q", c.Mechanism)
	}
	if err != nil {
		return nil, fmt.Errorf("credentials of Kafka: %w", err)
	}
	return m, nil
}

// oauthBearer is SASL OAUTHBEARER: RFC 7628, section 3.
type oauthBearer func(context.Context) (string, error)

// Name implements [sasl.Mechanism].
func (oauthBearer) Name() string { return OAuthBearer }

// Start implements [sasl.Mechanism].
func (token oauthBearer) Start(ctx context.Context) (sasl.StateMachine, []byte, error) {
	t, err := token(ctx)
	switch {
	case err != nil:
		return nil, nil, err
	case t == "" || strings.ContainsAny(t, "\x01\r\n"):
		return nil, nil, errors.New("the access token of Kafka is empty, or none")
	}
	return bearerSession{}, []byte("n,,\x01auth=Bearer " + t + "\x01\x01"), nil
}

// errTokenRefused is the error for an access token that Kafka does not take.
var errTokenRefused = errors.New("kafka refuses the access token")

// bearerSession waits for the broker's answer: nothing for yes, and for no a JSON object that says why.
type bearerSession struct{}

// Next implements [sasl.StateMachine].
func (bearerSession) Next(_ context.Context, challenge []byte) (done bool, response []byte, err error) {
	if len(challenge) > 0 {
		return false, nil, fmt.Errorf("%w: %s", errTokenRefused, challenge)
	}
	return true, nil, nil
}
