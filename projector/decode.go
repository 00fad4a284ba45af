package projector

import "github.com/orderloom/orderloom/domain"

// Incoming is an event as it came, and what decoding made of it.
type Incoming struct {
	Event Event
	// Bad is why it could not be decoded.
	Bad error
	// Missing is set when the message holds no payload, but only refers to the event store.
	Missing bool
}

// Decode returns the events with what their payloads hold, decoded on all processors.
func (g *Engine) Decode(envelopes []domain.Envelope) []Incoming {
	all := make([]Incoming, len(envelopes))
	InParts(len(envelopes), func(from, to int) {
		for i := from; i < to; i++ {
			all[i] = g.decode(envelopes[i])
		}
	})
	return all
}

// decode returns one event with what its payload holds.
func (g *Engine) decode(env domain.Envelope) Incoming {
	if env.Payload == nil {
		return Incoming{Event: Event{Envelope: env}, Missing: true}
	}
	data, err := g.catalog.Decode(env)
	if err != nil {
		return Incoming{Event: Event{Envelope: env}, Bad: err}
	}
	return Incoming{Event: newEvent(env, data)}
}
