package stripefake

import (
	"net/http"
	"net/url"
	"strings"
)

// method is a payment method. One that belongs to no customer can be used once.
type method struct {
	id, card, customer string
	used               bool
}

// PaymentMethod returns a payment method of a card, as Stripe's page in the customer's browser makes one. The names of
// test cards stand for a new payment method each time that they are used, as at Stripe.
func (s *Server) PaymentMethod(card string) (id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.newMethod(card).id
}

func (s *Server) newMethod(card string) *method {
	m := &method{id: s.id("pm"), card: card}
	s.methods[m.id] = m
	return m
}

// methodOf returns the payment method that a request names.
func (s *Server) methodOf(form url.Values) (*method, *failure) {
	if token := form.Get("confirmation_token"); token != "" {
		if s.tokens[token] {
			return nil, invalid("", "confirmation_token", "This ConfirmationToken has already been used")
		}
		s.tokens[token] = true
		return s.newMethod(token), nil
	}
	name := form.Get("payment_method")
	if m := s.methods[name]; m != nil {
		switch {
		case m.customer != form.Get("customer") && m.customer != "":
			return nil, invalid("", "payment_method", "The payment method belongs to a customer. Please include the customer in the request.")
		case m.customer == "" && m.used:
			return nil, invalid("", "payment_method", "The provided PaymentMethod was previously used with a PaymentIntent without Customer "+
				"attachment. It may not be used again.")
		}
		return m, nil
	}
	if strings.HasPrefix(name, "pm_fake") || name == "" {
		f := notFound("PaymentMethod")
		f.status, f.param = http.StatusBadRequest, "payment_method"
		return nil, f
	}
	return s.newMethod(name), nil
}

// use marks the payment method of an intent as used. With the customer's consent it belongs to the customer once
// the payment is authorised.
func (s *Server) use(pi *intent) {
	m := s.methods[pi.method]
	if m == nil {
		return
	}
	m.used = true
	if pi.status == requiresCapture && pi.setup && m.customer == "" {
		m.customer = pi.customer
	}
}

func (s *Server) createCustomer(form url.Values) (any, *failure) {
	if f := knows(form, "metadata"); f != nil {
		return nil, f
	}
	id := s.id("cus")
	s.customers[id] = true
	return map[string]any{"id": id, "object": "customer", "created": s.now.Unix(), "livemode": false, "metadata": metadataOf(form)}, nil
}

// payer reads who pays, and whether the customer is there.
func (s *Server) payer(pi *intent, form url.Values) *failure {
	pi.customer, pi.setup = form.Get("customer"), form.Get("setup_future_usage") == "off_session"
	offSession := form.Get("off_session") == "true"
	switch {
	case pi.customer != "" && !s.customers[pi.customer]:
		f := notFound("customer: '" + pi.customer + "'")
		f.status, f.param = http.StatusBadRequest, "customer"
		return f
	case offSession && pi.setup:
		return invalid("", "off_session", "You cannot set off_session with setup_future_usage")
	case offSession && form.Get("confirm") != "true":
		return invalid("", "off_session", "You can only set off_session when confirming")
	}
	pi.offSession = offSession
	return nil
}
