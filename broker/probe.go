package broker

import (
	"context"
	"errors"
	"fmt"

	"github.com/segmentio/kafka-go"
)

// Probe asks Kafka whether it is there, again and again.
type Probe struct {
	cfg    Config
	client *kafka.Client
}

// NewProbe returns a probe. It connects when it is first used, and keeps the connection for as long as the process.
func NewProbe(cfg Config) *Probe {
	client, _ := cfg.client()
	return &Probe{cfg, client}
}

// Ask returns nil when Kafka answers and has the topics of all aggregate types.
func (p *Probe) Ask(ctx context.Context) error {
	for _, topic := range Topics() {
		if _, err := partitionCount(ctx, p.client, topic); err != nil {
			return err
		}
	}
	return nil
}

// Reach returns nil when one of the brokers to begin with takes who we are, whatever topics it has. It makes a
// connection of its own each time: the client tries again in the background, and keeps why to itself.
func (p *Probe) Reach(ctx context.Context) error {
	var refusals []error
	for _, address := range p.cfg.Brokers {
		conn, err := p.cfg.dialer().DialContext(ctx, "tcp", address)
		if err == nil {
			return conn.Close()
		}
		refusals = append(refusals, fmt.Errorf("connect to broker %s: %w", address, err))
	}
	return errors.Join(refusals...)
}

// RefusesCaller reports whether an error says that Kafka does not take who we are. It stays so until somebody changes a
// setting. A right that is missing for a topic is none of that: the others go on.
func RefusesCaller(err error) bool {
	return errors.Is(err, kafka.SASLAuthenticationFailed) || errors.Is(err, kafka.UnsupportedSASLMechanism) ||
		errors.Is(err, kafka.IllegalSASLState) || errors.Is(err, errTokenRefused)
}
