package api

import (
	"github.com/orderloom/orderloom/api/httpx"
	"github.com/orderloom/orderloom/api/version"
	"github.com/orderloom/orderloom/webhooks"
)

// PayloadVersions lets deliveries of webhooks have the versions of the API. What is sent of an event is what the feed
// shows of it in that version. A change can concern the delivery around it too, as the schema "Webhook".
func PayloadVersions(h *version.History) webhooks.Versions {
	return payloadVersions{h, contract()}
}

type payloadVersions struct {
	history  *version.History
	contract *httpx.Contract
}

// Known implements [webhooks.Versions].
func (p payloadVersions) Known() []string {
	var names []string
	for _, v := range p.history.Known() {
		names = append(names, string(v))
	}
	return names
}

// Back implements [webhooks.Versions].
func (p payloadVersions) Back(v string, body map[string]any) {
	if body["cursor"] != nil { // else it is a test, which has no event
		p.contract.Back(p.history, version.Version(v), body["data"], "components", "schemas", "Event")
	}
	p.history.Answer(version.Version(v), "Webhook", body)
}
