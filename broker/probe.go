package broker

import (
	"context"
	"errors"
	"fmt"
	"time"

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
func (p *Probe) Ask(ctx context.Context) error { return p.has(ctx, Topics()) }

// AskAll returns nil when Kafka answers and has every topic of the platform.
func (p *Probe) AskAll(ctx context.Context) error { return p.has(ctx, AllTopics()) }

func (p *Probe) has(ctx context.Context, topics []string) error {
	for _, topic := range topics {
		if _, err := partitionCount(ctx, p.client, topic); err != nil {
			return err
		}
	}
	return nil
}

// reachTimeout bounds the answer of one broker.
const reachTimeout = 5 * time.Second

// Reach returns nil when one of the brokers to begin with answers and takes who we are, whatever topics it has. It
// makes a connection of its own each time: the client tries again in the background, and keeps why to itself.
func (p *Probe) Reach(ctx context.Context) error {
	var refusals []error
	for _, address := range p.cfg.Brokers {
		err := p.answers(ctx, address)
		if err == nil {
			return nil
		}
		refusals = append(refusals, fmt.Errorf("connect to broker %s: %w", address, err))
	}
	return errors.Join(refusals...)
}

// answers asks one broker what it understands: one that is frozen takes a connection all the same.
func (p *Probe) answers(ctx context.Context, address string) error {
	conn, err := p.cfg.dialer().DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	err = conn.SetDeadline(time.Now().Add(reachTimeout))
	if err == nil {
		_, err = conn.ApiVersions()
	}
	return errors.Join(err, conn.Close())
}

// RefusesCaller reports whether an error says that Kafka does not take who we are. It stays so until somebody changes a
// setting. A right that is missing for a topic is none of that: the others go on.
func RefusesCaller(err error) bool {
	return errors.Is(err, kafka.SASLAuthenticationFailed) || errors.Is(err, kafka.UnsupportedSASLMechanism) ||
		errors.Is(err, kafka.IllegalSASLState) || errors.Is(err, errTokenRefused)
}
