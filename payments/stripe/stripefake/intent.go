package stripefake

import (
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Test cards, most of them Stripe's own (https://docs.stripe.com/testing).
const (
	CardVisa             = "pm_card_visa"
	CardDeclined         = "pm_card_visa_chargeDeclined"
	CardNoFunds          = "pm_card_visa_chargeDeclinedInsufficientFunds"
	CardStolen           = "pm_card_visa_chargeDeclinedStolenCard"
	CardExpired          = "pm_card_chargeDeclinedExpiredCard"
	Card3DS              = "pm_card_threeDSecure2Required"
	CardOnceOnly         = "pm_card_onceOnly"         // ours: can't be captured several times
	CardBreaksPromise    = "pm_card_breaksPromise"    // ours: says that it can, and then refuses
	CardDeclinesAgain    = "pm_card_declinesAgain"    // ours: is authorised with the customer, and declined without
	CardAppOnly          = "pm_card_appOnly"          // ours: wants a confirmation that only an app can give
	CardProcessing       = "pm_card_processing"       // ours: Stripe doesn't know yet
	CardConfirmationOnce = "ctoken_confirmationToken" // a confirmation token instead of a payment method
)

type intent struct {
	id, chargeID, currency, status, reason, decline, code string
	card, returnURL, method, customer                     string
	amount, received, refunded, released                  int64
	severally, setup, offSession, disputed, authorized    bool
	metadata                                              map[string]string
	created, canceledAt                                   time.Time
}

// declines are the cards that are declined: code and the bank's reason.
var declines = map[string][2]string{
	CardDeclined: {"card_declined", "generic_decline"},
	CardNoFunds:  {"card_declined", "insufficient_funds"},
	CardStolen:   {"card_declined", "stolen_card"},
	CardExpired:  {"expired_card", ""},
}

const (
	requiresPayment = "requires_payment_method"
	requiresAction  = "requires_action"
	requiresCapture = "requires_capture"
	processing      = "processing"
	succeeded       = "succeeded"
	canceled        = "canceled"
)

func (s *Server) createIntent(form url.Values) (any, *failure) {
	if f := knows(form, "amount currency capture_method confirm payment_method confirmation_token payment_method_types "+
		"payment_method_options return_url metadata customer setup_future_usage off_session"); f != nil {
		return nil, f
	}
	amount, err := strconv.ParseInt(form.Get("amount"), 10, 64)
	currency := form.Get("currency")
	minimum, known := least[currency]
	switch {
	case err != nil:
		f := invalid("parameter_invalid_integer", "amount", "Invalid integer")
		f.unkept = true
		return nil, f
	case !known:
		f := invalid("parameter_invalid_empty", "currency", "Invalid currency: "+currency)
		f.unkept = true
		return nil, f
	case amount < minimum:
		return nil, invalid("amount_too_small", "amount", "Amount must convert to at least 50 cents")
	case amount > 99_999_999:
		return nil, invalid("amount_too_large", "amount", "Amount must be no more than 999,999.99")
	}
	if f := checkStep("amount", form.Get("amount"), currency); f != nil {
		return nil, f
	}
	pi := &intent{
		id: s.id("pi"), chargeID: s.id("ch"), currency: currency, amount: amount, status: requiresPayment, created: s.now,
		returnURL: form.Get("return_url"), metadata: metadataOf(form),
	}
	if f := s.payer(pi, form); f != nil {
		return nil, f
	}
	if form.Get("confirm") == "true" {
		m, f := s.methodOf(form)
		if f != nil {
			return nil, f
		}
		pi.card, pi.method = m.card, m.id
		if f := s.confirm(pi, form); f != nil {
			return nil, f
		}
	} else {
		s.keep(pi)
	}
	return pi.render(form, s.o.AuthorizationLife), nil
}

// confirm tries to authorise a new intent. A declined one is kept too.
func (s *Server) confirm(pi *intent, form url.Values) *failure {
	switch pi.card {
	case CardVisa, CardOnceOnly, CardBreaksPromise, CardConfirmationOnce:
		pi.status = requiresCapture
	case Card3DS, CardAppOnly:
		if pi.status = requiresAction; pi.offSession {
			pi.status, pi.code, pi.decline = requiresPayment, "authentication_required", "authentication_required"
		}
	case CardDeclinesAgain:
		if pi.status = requiresCapture; pi.offSession {
			pi.status, pi.code, pi.decline = requiresPayment, "card_declined", "insufficient_funds"
		}
	case CardProcessing:
		pi.status = processing
	default:
		d, ok := declines[pi.card]
		if !ok {
			f := notFound("PaymentMethod")
			f.status, f.param = http.StatusBadRequest, "payment_method"
			return f
		}
		pi.code, pi.decline = d[0], d[1]
	}
	pi.severally = form.Get("payment_method_options[card][request_multicapture]") == "if_available" && !s.o.NoMulticapture && pi.card != CardOnceOnly
	s.use(pi)
	s.keep(pi)
	switch pi.status {
	case requiresCapture:
		s.emit("payment_intent.amount_capturable_updated", pi.render(nil, s.o.AuthorizationLife))
	case requiresAction:
		s.emit("payment_intent.requires_action", pi.render(nil, s.o.AuthorizationLife))
	case requiresPayment:
		s.emit("payment_intent.payment_failed", pi.render(nil, s.o.AuthorizationLife))
		return &failure{
			status: http.StatusPaymentRequired, kind: "card_error", code: pi.code, decline: pi.decline,
			message: "Your card ending in 0002 was declined.", intent: pi.render(nil, s.o.AuthorizationLife),
		}
	}
	return nil
}

func (s *Server) keep(pi *intent) {
	s.intents = append(s.intents, pi)
	pi.authorized = pi.status == requiresCapture
	s.emit("payment_intent.created", pi.render(nil, s.o.AuthorizationLife))
}

func (pi *intent) capturable() int64 {
	if pi.status != requiresCapture {
		return 0
	}
	return pi.amount - pi.received
}

// render is the intent's JSON.
func (pi *intent) render(form url.Values, life time.Duration) map[string]any {
	m := map[string]any{
		"id": pi.id, "object": "payment_intent", "amount": pi.amount, "amount_capturable": pi.capturable(), "amount_received": pi.received,
		"currency": pi.currency, "status": pi.status, "capture_method": "manual", "created": pi.created.Unix(), "metadata": pi.metadata,
		"client_secret": pi.id + "_secret_fake", "payment_method_types": []string{"card"}, "livemode": false,
	}
	for name, id := range map[string]string{"customer": pi.customer, "payment_method": pi.method} {
		if id != "" {
			m[name] = id
		}
	}
	if !pi.canceledAt.IsZero() {
		m["canceled_at"] = pi.canceledAt.Unix()
	}
	if pi.reason != "" {
		m["cancellation_reason"] = pi.reason
	}
	if pi.code != "" {
		m["last_payment_error"] = map[string]any{"type": "card_error", "code": pi.code, "decline_code": pi.decline, "message": "declined"}
	}
	switch {
	case pi.status == requiresAction && pi.card == CardAppOnly:
		m["next_action"] = map[string]any{"type": "use_stripe_sdk", "use_stripe_sdk": map[string]any{}}
	case pi.status == requiresAction:
		m["next_action"] = map[string]any{
			"type": "redirect_to_url", "redirect_to_url": map[string]any{"url": "https://hooks.stripe.com/3ds/" + pi.id, "return_url": pi.returnURL},
		}
	}
	if pi.authorized {
		m["latest_charge"] = pi.chargeID
		if expands(form, "latest_charge") {
			m["latest_charge"] = pi.charge(life)
		}
	}
	return m
}

func (pi *intent) charge(life time.Duration) map[string]any {
	several := "unavailable"
	if pi.severally {
		several = "available"
	}
	return map[string]any{
		"id": pi.chargeID, "object": "charge", "amount": pi.amount, "amount_captured": pi.received, "amount_refunded": pi.refunded + pi.released,
		"captured": pi.received > 0, "disputed": pi.disputed, "currency": pi.currency, "metadata": pi.metadata, "payment_intent": pi.id,
		"payment_method_details": map[string]any{"type": "card", "card": map[string]any{
			"brand": "visa", "last4": "4242", "capture_before": pi.created.Add(life).Unix(), "multicapture": map[string]any{"status": several},
		}},
	}
}

// withIntent carries out an action on an intent, or none.
func (s *Server) withIntent(id string, form url.Values, act func(*intent, url.Values) *failure) (any, *failure) {
	pi := s.intent(id)
	if pi == nil {
		return nil, notFound("payment_intent: '" + id + "'")
	}
	if act != nil {
		if f := act(pi, form); f != nil {
			return nil, f
		}
	}
	return pi.render(form, s.o.AuthorizationLife), nil
}

func (s *Server) intent(id string) *intent {
	if i := slices.IndexFunc(s.intents, func(pi *intent) bool { return pi.id == id }); i >= 0 {
		return s.intents[i]
	}
	return nil
}

func unexpectedState(pi *intent) *failure {
	f := invalid("payment_intent_unexpected_state", "", "This PaymentIntent has a status of "+pi.status)
	f.intent = pi.render(nil, 0)
	return f
}

// captureInStep is a capture over the API.
func (s *Server) captureInStep(pi *intent, form url.Values) *failure {
	if f := checkStep("amount_to_capture", form.Get("amount_to_capture"), pi.currency); f != nil {
		return f
	}
	return s.capture(pi, form)
}

func (s *Server) capture(pi *intent, form url.Values) *failure {
	if f := knows(form, "amount_to_capture final_capture metadata"); f != nil {
		return f
	}
	final, amount := form.Get("final_capture") != "false", pi.capturable()
	if given := form.Get("amount_to_capture"); given != "" {
		n, err := strconv.ParseInt(given, 10, 64)
		if err != nil || n < 0 {
			return invalid("parameter_invalid_integer", "amount_to_capture", "Invalid integer")
		}
		amount = n
	}
	switch {
	case pi.status != requiresCapture:
		return unexpectedState(pi)
	case amount > pi.capturable():
		return invalid("amount_too_large", "amount_to_capture", "The amount is more than can be captured")
	case amount > 0 && amount < least[pi.currency]:
		return invalid("amount_too_small", "amount_to_capture", "Amount must convert to at least 50 cents")
	case amount == 0 && (pi.received == 0 || !final):
		return invalid("parameter_invalid_integer", "amount_to_capture", "Nothing to capture")
	case !final && (!pi.severally || pi.card == CardBreaksPromise):
		return invalid("", "final_capture", "Multicapture is not available for this payment")
	}
	merged := maps.Clone(pi.metadata)
	maps.Copy(merged, metadataOf(form))
	if len(merged) > metadataMax {
		return tooManyNames()
	}
	pi.received, pi.metadata = pi.received+amount, merged
	if amount > 0 {
		s.book("charge", pi.chargeID, pi.currency, amount, chargeFee(amount))
		s.emit("charge.captured", pi.charge(s.o.AuthorizationLife))
	}
	if final || pi.capturable() == 0 {
		pi.status = succeeded
		s.release(pi, "")
		s.emit("payment_intent.succeeded", pi.render(nil, s.o.AuthorizationLife))
	} else {
		s.emit("payment_intent.amount_capturable_updated", pi.render(nil, s.o.AuthorizationLife))
	}
	return nil
}

func (s *Server) cancel(pi *intent, form url.Values) *failure {
	if f := knows(form, "cancellation_reason"); f != nil {
		return f
	}
	switch pi.status {
	case canceled, succeeded, processing:
		return unexpectedState(pi)
	}
	s.close(pi, form.Get("cancellation_reason"))
	return nil
}

// close lets go of what an intent holds; one of which something was captured has succeeded.
func (s *Server) close(pi *intent, reason string) {
	why := ""
	if reason == "expired" {
		why = "expired_uncaptured_charge"
	}
	if pi.received > 0 {
		pi.status = succeeded
		s.release(pi, why)
		s.emit("payment_intent.succeeded", pi.render(nil, s.o.AuthorizationLife))
		return
	}
	pi.status, pi.reason, pi.canceledAt = canceled, reason, s.now
	s.release(pi, why)
	s.emit("payment_intent.canceled", pi.render(nil, s.o.AuthorizationLife))
}

// expire lets go of what was reserved too long ago.
func (s *Server) expire() {
	for _, pi := range s.intents {
		if pi.status == requiresCapture && !s.now.Before(pi.created.Add(s.o.AuthorizationLife)) {
			s.close(pi, "expired")
		}
	}
}

func (s *Server) newestFirst(keep func(*intent) bool) []*intent {
	var found []*intent
	for _, pi := range slices.Backward(s.intents) {
		if keep(pi) {
			found = append(found, pi)
		}
	}
	return found
}

func (s *Server) listIntents(form url.Values) (any, *failure) {
	if f := knows(form, "created limit starting_after"); f != nil {
		return nil, f
	}
	found := s.newestFirst(func(pi *intent) bool { return within(form, pi.created) })
	return page("/v1/payment_intents", found, func(pi *intent) string { return pi.id }, form, func(pi *intent) any {
		return pi.render(form, s.o.AuthorizationLife)
	}), nil
}

var clause = regexp.MustCompile(`^metadata\['([a-z_]+)'\]:'([^']*)'$`)

func (s *Server) searchIntents(form url.Values) (any, *failure) {
	if f := knows(form, "query limit page"); f != nil {
		return nil, f
	}
	clauses := strings.Split(form.Get("query"), " OR ")
	if len(clauses) > 10 {
		return nil, invalid("", "query", "too many clauses")
	}
	var found []*intent
	for _, c := range clauses {
		m := clause.FindStringSubmatch(c)
		if m == nil {
			return nil, invalid("", "query", "can't be parsed: "+c)
		}
		found = append(found, s.newestFirst(func(pi *intent) bool {
			return pi.metadata[m[1]] == m[2] && !s.now.Before(pi.created.Add(s.o.SearchLag))
		})...)
	}
	offset, _ := strconv.Atoi(form.Get("page")) // empty for the first
	limit, err := strconv.Atoi(form.Get("limit"))
	if err != nil {
		limit = 10
	}
	end := min(offset+limit, len(found))
	result := map[string]any{"object": "search_result", "url": "/v1/payment_intents/search", "has_more": end < len(found)}
	if end < len(found) {
		result["next_page"] = strconv.Itoa(end)
	}
	data := []any{}
	for _, pi := range found[min(offset, end):end] {
		data = append(data, pi.render(form, s.o.AuthorizationLife))
	}
	result["data"] = data
	return result, nil
}
