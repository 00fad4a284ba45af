package broker

import (
	"context"

	"github.com/segmentio/kafka-go"
)

// Probe asks Kafka whether it is there, again and again.
type Probe struct{ client *kafka.Client }

// NewProbe returns a probe. It connects when it is first used, and keeps the connection for as long as the process.
func NewProbe(cfg Config) *Probe {
	client, _ := cfg.client()
	return &Probe{client}
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
