package broker

import "github.com/orderloom/orderloom/domain"

// Registry knows where the schema of each event type and version is registered.
type Registry struct {
	references map[schemaKey]string
}

type schemaKey struct {
	eventType string
	version   int
}

// reference returns the URI of an event's schema, "" when there is none. A nil registry has none.
func (r *Registry) reference(env domain.Envelope) string {
	if r == nil {
		return ""
	}
	return r.references[schemaKey{env.EventType, env.EventVersion}]
}
