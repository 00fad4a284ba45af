package stripefake

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Options of a [Server].
type Options struct {
	// Key is the secret key that requests must bear.
	Key string
	// APIVersion is the version that requests must ask for; empty for any.
	APIVersion string
	// NoMulticapture is an account that can capture an intent only once.
	NoMulticapture bool
	// ReleaseIsRefund shows what is let go of an authorisation as a refund of its charge, as Stripe has done.
	ReleaseIsRefund bool
	// SearchLag is how long an intent is not found by a search.
	SearchLag time.Duration
	// KeyLife is how long idempotency keys are kept; 0 for Stripe's 24 hours.
	KeyLife time.Duration
	// AuthorizationLife is how long money stays reserved; 0 for seven days.
	AuthorizationLife time.Duration
}

// Server is a Stripe. Its methods are safe for concurrent use.
type Server struct {
	// URL is where it listens.
	URL string

	http *httptest.Server
	o    Options

	mu      sync.Mutex
	now     time.Time
	next    int
	keys    map[string]*kept
	faults  []*Fault
	outage  bool
	calls   []Call
	asking  string // the idempotency key of the request that is carried out
	intents []*intent
	refunds []*refund
	events  []event
	// methods are the payment methods by id, tokens the confirmation tokens that were used.
	methods   map[string]*method
	tokens    map[string]bool
	customers map[string]bool
	disputes  []*dispute
	balance   []*transaction
	payouts   []*payout
	// pendRefunds and revoked are what a test has set.
	pendRefunds, revoked bool
}

// kept is the answer to a request under its idempotency key.
type kept struct {
	fingerprint string
	at          time.Time
	done        bool
	answer      answer
}

// answer is an HTTP status and the JSON of its body.
type answer struct {
	status int
	body   []byte
}

// Call is a request that reached the server.
type Call struct {
	Method, Path, Key string
	Form              url.Values
}

// Fault is something that goes wrong with one request, or with several.
type Fault struct {
	// Method and Path say with which: Path is a pattern of [path.Match].
	Method, Path string
	// Effect lets the request take effect before it fails.
	Effect bool
	// Status is the HTTP status that is answered; 0 for a connection that breaks.
	Status int
	// Code is the error's code in the answer.
	Code string
	// Kept keeps the answer under the idempotency key, as Stripe keeps its 500s.
	Kept bool
	// Hang leaves the request without an answer until the client gives up.
	Hang bool
	// Gate holds the request back, its key in use, until it is closed; nothing fails then.
	Gate <-chan struct{}
	// Times is how often; 0 for once.
	Times int
}

// Start starts a server, which the caller closes.
func Start(o Options) *Server {
	if o.KeyLife == 0 {
		o.KeyLife = 24 * time.Hour
	}
	if o.AuthorizationLife == 0 {
		o.AuthorizationLife = 7 * 24 * time.Hour
	}
	s := &Server{
		o: o, keys: map[string]*kept{}, now: time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC),
		methods: map[string]*method{}, tokens: map[string]bool{}, customers: map[string]bool{},
	}
	s.http = httptest.NewServer(http.HandlerFunc(s.serve))
	s.URL = s.http.URL
	return s
}

// Close stops the server.
func (s *Server) Close() {
	s.http.CloseClientConnections()
	s.http.Close()
}

// Now is the server's time.
func (s *Server) Now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

// Advance lets time pass: keys are forgotten and authorisations run out.
func (s *Server) Advance(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = s.now.Add(d)
	s.expire()
}

// Inject lets something go wrong.
func (s *Server) Inject(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f.Times = max(f.Times, 1)
	s.faults = append(s.faults, &f)
}

// Outage makes the server unreachable, or reachable again.
func (s *Server) Outage(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.outage = on
}

// Calls are the requests that arrived, in order.
func (s *Server) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Call(nil), s.calls...)
}

// failure is an answer that is an error.
type failure struct {
	status                              int
	kind, code, decline, param, message string
	intent                              any
	// unkept failures come before anything is executed, so that the key stays free.
	unkept bool
}

func (f failure) answer() answer {
	e := map[string]any{"type": f.kind, "message": f.message}
	for name, v := range map[string]string{"code": f.code, "decline_code": f.decline, "param": f.param} {
		if v != "" {
			e[name] = v
		}
	}
	if f.intent != nil {
		e["payment_intent"] = f.intent
	}
	return jsonAnswer(f.status, map[string]any{"error": e})
}

func invalid(code, param, message string) *failure {
	return &failure{status: http.StatusBadRequest, kind: "invalid_request_error", code: code, param: param, message: message}
}

func jsonAnswer(status int, v any) answer {
	body, err := json.Marshal(v)
	if err != nil {
		panic(err) // of maps and strings
	}
	return answer{status, body}
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		write(w, invalid("", "", "unreadable form").answer(), false)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, Call{Method: r.Method, Path: r.URL.Path, Key: r.Header.Get("Idempotency-Key"), Form: r.Form})
	if s.outage {
		breakOff(w)
		return
	}
	if f := s.stranger(r); f != nil {
		write(w, f.answer(), false)
		return
	}
	fault := s.takeFault(r)
	if fault != nil && fault.Gate == nil && !fault.Effect && !fault.Kept {
		s.fail(w, r, *fault)
		return
	}
	a, replayed := s.keyed(r, fault)
	if fault != nil && fault.Gate == nil {
		s.fail(w, r, *fault)
		return
	}
	write(w, a, replayed)
}

// stranger refuses who doesn't bear the key or speaks another version.
func (s *Server) stranger(r *http.Request) *failure {
	if r.Header.Get("Authorization") != "Bearer "+s.o.Key || s.revoked {
		return &failure{status: http.StatusUnauthorized, kind: "invalid_request_error", message: "Invalid API Key provided"}
	}
	if v := r.Header.Get("Stripe-Version"); s.o.APIVersion != "" && v != s.o.APIVersion {
		return invalid("", "", "unexpected Stripe-Version "+v)
	}
	return nil
}

func (s *Server) takeFault(r *http.Request) *Fault {
	for i, f := range s.faults {
		if ok, _ := path.Match(f.Path, r.URL.Path); !ok || f.Method != r.Method {
			continue
		}
		if f.Times--; f.Times == 0 {
			s.faults = append(s.faults[:i], s.faults[i+1:]...)
		}
		return f
	}
	return nil
}

// fail answers as the fault has it.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, f Fault) {
	switch {
	case f.Hang:
		s.mu.Unlock()
		<-r.Context().Done()
		s.mu.Lock()
	case f.Status == 0:
		breakOff(w)
	default:
		write(w, f.answer(), false)
	}
}

func (f Fault) answer() answer {
	kind := "api_error"
	if f.Status < http.StatusInternalServerError {
		kind = "invalid_request_error"
	}
	return failure{status: f.Status, kind: kind, code: f.Code, message: "injected"}.answer()
}

// keyed carries out a request once for each idempotency key.
func (s *Server) keyed(r *http.Request, fault *Fault) (a answer, replayed bool) {
	key := r.Header.Get("Idempotency-Key")
	if r.Method != http.MethodPost || key == "" {
		a, _ = s.route(r)
		return a, false
	}
	fingerprint := r.URL.Path + "?" + r.Form.Encode()
	if k := s.keys[key]; k != nil && s.now.Sub(k.at) < s.o.KeyLife {
		switch {
		case k.fingerprint != fingerprint:
			return failure{
				status: http.StatusBadRequest, kind: "idempotency_error",
				message: "Keys for idempotent requests can only be used with the same parameters they were first used with.",
			}.answer(), false
		case !k.done:
			return failure{status: http.StatusConflict, kind: "idempotency_error", code: "idempotency_key_in_use", message: "in use"}.answer(), false
		}
		return k.answer, true
	}
	k := &kept{fingerprint: fingerprint, at: s.now}
	s.keys[key] = k
	if fault != nil && fault.Gate != nil {
		s.mu.Unlock()
		select {
		case <-fault.Gate:
		case <-r.Context().Done():
		}
		s.mu.Lock()
	}
	if fault == nil || fault.Effect || fault.Gate != nil {
		var unkept bool
		s.asking = key
		if k.answer, unkept = s.route(r); unkept {
			delete(s.keys, key)
		}
		s.asking = ""
	}
	if fault != nil && fault.Kept {
		k.answer = fault.answer()
	}
	k.done = true
	return k.answer, false
}

// route carries out a request. It reports answers that are not kept under a key.
func (s *Server) route(r *http.Request) (a answer, unkept bool) {
	body, f := s.handle(r)
	if f != nil {
		return f.answer(), f.unkept
	}
	return jsonAnswer(http.StatusOK, body), false
}

func (s *Server) handle(r *http.Request) (any, *failure) {
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	if len(parts) < 2 || parts[0] != "v1" {
		return nil, notFound(r.URL.Path)
	}
	route := r.Method + " " + parts[1]
	if len(parts) > 2 {
		route += " id"
	}
	if len(parts) > 3 {
		route += " " + parts[3]
	}
	switch route {
	case "POST payment_intents":
		return s.createIntent(r.Form)
	case "GET payment_intents":
		return s.listIntents(r.Form)
	case "GET payment_intents id":
		if parts[2] == "search" {
			return s.searchIntents(r.Form)
		}
		return s.withIntent(parts[2], r.Form, nil)
	case "POST payment_intents id capture":
		return s.withIntent(parts[2], r.Form, s.captureInStep)
	case "POST payment_intents id cancel":
		return s.withIntent(parts[2], r.Form, s.cancel)
	case "POST refunds":
		return s.refundInStep(r.Form)
	case "GET refunds":
		return s.listRefunds(r.Form)
	case "POST customers":
		return s.createCustomer(r.Form)
	case "GET disputes":
		return s.listDisputes(r.Form)
	case "GET payouts":
		return s.listPayouts(r.Form)
	case "GET balance_transactions":
		return s.listTransactions(r.Form)
	case "GET events":
		return s.listEvents(r.Form)
	}
	return nil, notFound(r.URL.Path)
}

func notFound(what string) *failure {
	return &failure{status: http.StatusNotFound, kind: "invalid_request_error", code: "resource_missing", message: "No such " + what}
}

// knows refuses parameters that Stripe doesn't have, and metadata that it doesn't keep. Names are without their
// brackets.
func knows(form url.Values, names string) *failure {
	for name := range form {
		if base, _, _ := strings.Cut(name, "["); !strings.Contains(" "+names+" expand ", " "+base+" ") {
			f := invalid("parameter_unknown", base, "Received unknown parameter: "+base)
			f.unkept = true
			return f
		}
	}
	if f := checkMetadata(form); f != nil {
		f.unkept = true
		return f
	}
	return nil
}

// expands reports whether the request asks for a field in full.
func expands(form url.Values, field string) bool {
	for name, values := range form {
		if strings.HasPrefix(name, "expand[") && len(values) > 0 && strings.TrimPrefix(values[0], "data.") == field {
			return true
		}
	}
	return false
}

func (s *Server) id(prefix string) string {
	s.next++
	return fmt.Sprintf("%s_fake%06d", prefix, s.next)
}

// page cuts a list, newest first, to what was asked for. All filters are applied before.
func page[T any](path string, items []T, idOf func(T) string, form url.Values, render func(T) any) any {
	limit := 10
	if n, err := strconv.Atoi(form.Get("limit")); err == nil {
		limit = n
	}
	start := 0
	if after := form.Get("starting_after"); after != "" {
		for i, item := range items {
			if idOf(item) == after {
				start = i + 1
			}
		}
	}
	end := min(start+limit, len(items))
	data := make([]any, 0, limit)
	for _, item := range items[start:end] {
		data = append(data, render(item))
	}
	return map[string]any{"object": "list", "url": path, "data": data, "has_more": end < len(items)}
}

// within reports whether a time is in the range that a list's created[…] parameters ask for.
func within(form url.Values, created time.Time) bool {
	bound := func(name string) (int64, bool) {
		n, err := strconv.ParseInt(form.Get("created["+name+"]"), 10, 64)
		return n, err == nil
	}
	at := created.Unix()
	if n, ok := bound("gte"); ok && at < n {
		return false
	}
	if n, ok := bound("lt"); ok && at >= n {
		return false
	}
	return true
}

func write(w http.ResponseWriter, a answer, replayed bool) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Request-Id", "req_fake")
	if replayed {
		h.Set("Idempotent-Replayed", "true")
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body) // the client may be gone
}

// breakOff closes the connection in the middle of an answer. Before the first byte, Go's client would
// repeat the request by itself.
func breakOff(w http.ResponseWriter) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		panic(err)
	}
	_, _ = conn.Write([]byte("HTTP/1.1 "))
	_ = conn.Close()
}
