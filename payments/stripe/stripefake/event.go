package stripefake

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/stripe/stripe-go/v85/webhook"
)

type event struct {
	id, kind string
	created  time.Time
	body     map[string]any
}

// Event is something that happened, as a webhook would carry it.
type Event struct {
	ID, Type string
	// Body is the webhook's body.
	Body []byte
}

// emit records an event with a snapshot of its object.
func (s *Server) emit(kind string, object map[string]any) {
	e := event{id: s.id("evt"), kind: kind, created: s.now}
	snapshot, err := json.Marshal(object)
	if err != nil {
		panic(err) // of maps and strings
	}
	e.body = map[string]any{
		"id": e.id, "object": "event", "type": kind, "api_version": s.o.APIVersion, "created": s.now.Unix(), "livemode": false,
		"data":    map[string]any{"object": json.RawMessage(snapshot)},
		"request": map[string]any{"id": nil, "idempotency_key": nil},
	}
	if s.asking != "" {
		e.body["request"] = map[string]any{"id": "req_fake", "idempotency_key": s.asking}
	}
	s.events = append(s.events, e)
}

// Events are what happened, oldest first, of these types; all without any.
func (s *Server) Events(types ...string) []Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []Event
	for _, e := range s.events {
		if len(types) == 0 || slices.Contains(types, e.kind) {
			found = append(found, Event{ID: e.id, Type: e.kind, Body: jsonAnswer(0, e.body).body})
		}
	}
	return found
}

// Sign returns the signature header of a webhook, with one signature for each secret.
func Sign(body []byte, at time.Time, secrets ...string) string {
	header := fmt.Sprintf("t=%d", at.Unix())
	for _, secret := range secrets {
		header += ",v1=" + hex.EncodeToString(webhook.ComputeSignature(at, body, secret))
	}
	return header + ",v0=00"
}

func (s *Server) listEvents(form url.Values) (any, *failure) {
	if f := knows(form, "types created limit starting_after"); f != nil {
		return nil, f
	}
	var types []string
	for name, values := range form {
		if strings.HasPrefix(name, "types[") {
			types = append(types, values...)
		}
	}
	var found []event
	for _, e := range slices.Backward(s.events) {
		if (len(types) == 0 || slices.Contains(types, e.kind)) && within(form, e.created) {
			found = append(found, e)
		}
	}
	return page("/v1/events", found, func(e event) string { return e.id }, form, func(e event) any { return e.body }), nil
}

// Confirm plays the customer who confirms a payment at the bank, or refuses to. It reports whether the
// intent was waiting for that.
func (s *Server) Confirm(id string, approve bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	pi := s.intent(id)
	if pi == nil || pi.status != requiresAction {
		return false
	}
	if approve {
		pi.status, pi.authorized = requiresCapture, true
		s.use(pi)
		s.emit("payment_intent.amount_capturable_updated", pi.render(nil, s.o.AuthorizationLife))
		return true
	}
	pi.status, pi.code = requiresPayment, "payment_intent_authentication_failure"
	s.emit("payment_intent.payment_failed", pi.render(nil, s.o.AuthorizationLife))
	return true
}

// Settle ends the processing of an intent.
func (s *Server) Settle(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if pi := s.intent(id); pi != nil && pi.status == processing {
		pi.status, pi.authorized = requiresCapture, true
		s.use(pi)
		s.emit("payment_intent.amount_capturable_updated", pi.render(nil, s.o.AuthorizationLife))
	}
}

// Account is what was done to a payment, in Stripe's smallest unit, over all its intents.
type Account struct {
	// Intents counts those that were made, Authorized those that ever reserved money.
	Intents, Authorized      int
	Held, Captured, Refunded int64
}

// Account returns what was done to the payment with this payment_id.
func (s *Server) Account(paymentID string) Account {
	s.mu.Lock()
	defer s.mu.Unlock()
	var a Account
	for _, pi := range s.intents {
		if pi.metadata["payment_id"] != paymentID {
			continue
		}
		a.Intents++
		a.Held, a.Captured, a.Refunded = a.Held+pi.capturable(), a.Captured+pi.received, a.Refunded+pi.refunded
		for _, e := range s.events {
			object, _ := e.body["data"].(map[string]any)["object"].(json.RawMessage)
			if e.kind == "payment_intent.amount_capturable_updated" && strings.Contains(string(object), pi.id) {
				a.Authorized++
				break
			}
		}
	}
	return a
}

// Intent is an intent of a payment, as Stripe keeps it. Amounts are in Stripe's smallest unit.
type Intent struct {
	ID, Status string
	// Amount was asked for; Held is reserved, Captured was taken.
	Amount, Held, Captured int64
	// Refunds are without what was only released.
	Refunds []Refund
}

// Refund is a refund of an intent.
type Refund struct {
	ID, Status string
	// Key is the request in its metadata; empty for a refund that was made in the dashboard.
	Key    string
	Amount int64
}

// Live reports whether the customer has the money, or is about to.
func (r Refund) Live() bool { return r.Status == succeeded || r.Status == pending }

// Pending reports whether the bank has not booked it yet.
func (r Refund) Pending() bool { return r.Status == pending }

// Intents returns the intents of the payment with this payment_id, oldest first.
func (s *Server) Intents(paymentID string) (found []Intent) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, pi := range s.intents {
		if pi.metadata["payment_id"] != paymentID {
			continue
		}
		i := Intent{ID: pi.id, Status: pi.status, Amount: pi.amount, Held: pi.capturable(), Captured: pi.received}
		for _, r := range s.refunds {
			if r.intent == pi.id && !r.release {
				i.Refunds = append(i.Refunds, Refund{ID: r.id, Status: r.status, Key: r.metadata["request"], Amount: r.amount})
			}
		}
		found = append(found, i)
	}
	return found
}
