package api

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/access"
	"github.com/orderloom/orderloom/api/version"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/webhooks"
	"github.com/stretchr/testify/require"
)

const (
	goodEndpoint = `{"name": "partner", "url": "https://hooks.example.com/in", "types": ["OrderPlaced"]}`
	hooksPath    = "/api/v1/webhook-endpoints"
)

// fakeEndpoints keeps endpoints in memory.
type fakeEndpoints struct {
	rules     webhooks.Rules
	mu        sync.Mutex
	endpoints map[uuid.UUID]webhooks.Endpoint
	hashes    map[uuid.UUID]string
	asked     map[uuid.UUID]bool
	resent    webhooks.Resend
	log       webhooks.LogQuery
	cursor    string
	err       error
}

func newFakeEndpoints() *fakeEndpoints {
	return &fakeEndpoints{endpoints: map[uuid.UUID]webhooks.Endpoint{}, hashes: map[uuid.UUID]string{}, asked: map[uuid.UUID]bool{}}
}

func (f *fakeEndpoints) Create(_ context.Context, n webhooks.NewEndpoint) (webhooks.Endpoint, string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err != nil {
		return webhooks.Endpoint{}, "", f.err
	}
	if err := n.Check(f.rules); err != nil {
		return webhooks.Endpoint{}, "", err
	}
	if before, ok := f.endpoints[n.EndpointID]; ok {
		if f.hashes[n.EndpointID] != n.RequestHash {
			return webhooks.Endpoint{}, "", domain.Refuse(domain.CodeIdempotencyKeyReused, "another")
		}
		return before, "", nil
	}
	made := webhooks.Endpoint{
		EndpointID: n.EndpointID, Account: n.Caller.Account, Name: n.Name, URL: n.URL, Types: n.Types, Payload: n.Payload, PayloadVersion: n.PayloadVersion,
		Signature: n.Signature, CreatedAt: acceptedAt, CreatedBy: string(n.Caller.Actor()), Cursor: n.Cursor,
	}
	f.endpoints[n.EndpointID], f.hashes[n.EndpointID] = made, n.RequestHash
	return made, "whsec_secret", nil
}

func (f *fakeEndpoints) Get(_ context.Context, account string, id uuid.UUID) (webhooks.Endpoint, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	e, ok := f.endpoints[id]
	if (!ok || e.Account != account) && f.err == nil {
		return webhooks.Endpoint{}, domain.Refuse(domain.CodeNotFound, "there is no webhook endpoint %s", id)
	}
	return e, f.err
}

func (f *fakeEndpoints) List(_ context.Context, account string) (list []webhooks.Endpoint, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, e := range f.endpoints {
		if e.Account == account {
			list = append(list, e)
		}
	}
	return list, f.err
}

// set changes an endpoint.
func (f *fakeEndpoints) set(ctx context.Context, account string, id uuid.UUID, change func(*webhooks.Endpoint)) (webhooks.Endpoint, error) {
	e, err := f.Get(ctx, account, id)
	if err != nil {
		return e, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	change(&e)
	f.endpoints[id] = e
	return e, nil
}

func (f *fakeEndpoints) Change(ctx context.Context, id uuid.UUID, s webhooks.Settings, by *access.Caller) (webhooks.Endpoint, error) {
	return f.set(ctx, by.Account, id, func(e *webhooks.Endpoint) { e.Name, e.URL, e.Types, e.Payload = s.Name, s.URL, s.Types, s.Payload })
}

func (f *fakeEndpoints) Rotate(ctx context.Context, r webhooks.Rotation) (webhooks.Endpoint, string, error) {
	e, err := f.set(ctx, r.By.Account, r.EndpointID, func(e *webhooks.Endpoint) { e.RotatedAt = new(acceptedAt) })
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.asked[r.RequestID] || err != nil {
		return e, "", err
	}
	f.asked[r.RequestID] = true
	return e, "whsec_other", nil
}

func (f *fakeEndpoints) Enable(ctx context.Context, account string, id uuid.UUID, cursor string) (webhooks.Endpoint, error) {
	return f.set(ctx, account, id, func(e *webhooks.Endpoint) { e.DisabledAt, e.DisabledFor, f.cursor = nil, "", cursor })
}

func (f *fakeEndpoints) Disable(ctx context.Context, account string, id uuid.UUID) (webhooks.Endpoint, error) {
	return f.set(ctx, account, id, func(e *webhooks.Endpoint) { e.DisabledAt, e.DisabledFor = new(acceptedAt), webhooks.ForRequest })
}

func (f *fakeEndpoints) Delete(_ context.Context, _ string, id uuid.UUID) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.endpoints, id)
	return f.err
}

func (f *fakeEndpoints) Test(ctx context.Context, account string, endpoint, _ uuid.UUID) error {
	e, err := f.Get(ctx, account, endpoint)
	if err == nil && e.Disabled() {
		err = domain.Refuse(webhooks.CodeEndpointDisabled, "the endpoint is disabled")
	}
	return err
}

func (f *fakeEndpoints) Resend(ctx context.Context, account string, r webhooks.Resend) error {
	f.resent = r
	return f.Test(ctx, account, r.EndpointID, r.RequestID)
}

func (f *fakeEndpoints) Deliveries(ctx context.Context, account string, q webhooks.LogQuery) ([]webhooks.Delivery, string, error) {
	f.log = q
	_, err := f.Get(ctx, account, q.EndpointID)
	return []webhooks.Delivery{{At: acceptedAt, EventID: uuid.New(), Type: "OrderPlaced", Attempt: 1, Outcome: webhooks.OutcomeFailed, Status: 500}}, "n", err
}

func (f *fakeEndpoints) Held(ctx context.Context, account string, id uuid.UUID) ([]webhooks.HeldOrder, error) {
	_, err := f.Get(ctx, account, id)
	return []webhooks.HeldOrder{{Subject: id, Cursor: "c", Attempts: 1, FailedAt: new(acceptedAt), DueAt: acceptedAt, Error: "e"}}, err
}

// shownHook is what the tests read of an answer.
type shownHook struct {
	EndpointID  uuid.UUID  `json:"endpoint_id"`
	Name        string     `json:"name"`
	Secret      string     `json:"secret"`
	Payload     string     `json:"payload"`
	Version     string     `json:"payload_version"`
	Signature   string     `json:"signature"`
	DisabledAt  *time.Time `json:"disabled_at"`
	DisabledFor string     `json:"disabled_for"`
}

func hook(t *testing.T, body string) (h shownHook) {
	t.Helper()
	require.NoError(t, json.Unmarshal([]byte(body), &h), body)
	return h
}

// Fails where a key of one channel reads, by an endpoint of its account, what happens in the others.
func TestAnEndpointThatSendsMoreThanACallerSeesDoesNotExist(t *testing.T) {
	t.Parallel()
	who := byRole()
	who["web"] = &access.Caller{Account: "shop", ID: "web", Role: access.Storefront, Scopes: access.Storefront.Scopes(), Channels: []string{"web"}}
	b := setup(t, func(o *Options) { o.Endpoints, o.Authenticator = newFakeEndpoints(), who })
	shop, web := []string{"Authorization", "Bearer storefront"}, []string{"Authorization", "Bearer web"}
	path := b.post(t, hooksPath, goodEndpoint, shop...).header.Get("Location")
	require.Contains(t, b.get(t, hooksPath, shop...).body, "endpoint_id")
	require.NotContains(t, b.get(t, hooksPath, web...).body, "endpoint_id")
	tried := 0
	for operation, body := range operations {
		method, route, _ := strings.Cut(operation, " ")
		rest, ok := strings.CutPrefix(route, hooksPath+"/{endpoint_id}")
		if !ok {
			continue
		}
		tried++
		if method == http.MethodGet {
			b.get(t, path+rest, web...).problem(t, http.StatusNotFound, codeNotFound)
		} else {
			b.post(t, path+rest, body, web...).problem(t, http.StatusNotFound, codeNotFound)
		}
	}
	require.Equal(t, 10, tried)
	require.Equal(t, http.StatusOK, b.get(t, path, shop...).status, "it is as it was")
}

func TestAnEndpointIsMadeChangedAndDeleted(t *testing.T) {
	t.Parallel()
	endpoints := newFakeEndpoints()
	b := setup(t, func(o *Options) { o.Endpoints = endpoints })
	made := b.post(t, hooksPath, goodEndpoint, "Idempotency-Key", "k1")
	require.Equal(t, http.StatusCreated, made.status, made.body)
	require.Equal(t, "no-store", made.header.Get("Cache-Control"))
	h := hook(t, made.body)
	require.Equal(t, shownHook{
		EndpointID: h.EndpointID, Name: "partner", Secret: "whsec_secret", Payload: "snapshot", Version: "2026-11-27", Signature: "v1",
	}, h)
	one := hooksPath + "/" + h.EndpointID.String()
	require.Equal(t, one, made.header.Get("Location"))
	again := b.post(t, hooksPath, goodEndpoint, "Idempotency-Key", "k1")
	require.Equal(t, "true", again.header.Get("Idempotent-Replayed"))
	require.Empty(t, hook(t, again.body).Secret)
	b.post(t, hooksPath, `{"name": "other", "url": "https://hooks.example.com/in"}`, "Idempotency-Key", "k1").
		problem(t, http.StatusUnprocessableEntity, domain.CodeIdempotencyKeyReused)
	require.Contains(t, b.get(t, hooksPath).body, h.EndpointID.String())
	require.Equal(t, "moved", hook(t, b.post(t, one, `{"name": "moved", "url": "https://new.example.com"}`).body).Name)
	rotated := b.post(t, one+"/rotate", `{"overlap_seconds": 0}`, "Idempotency-Key", "r1")
	require.Equal(t, "whsec_other", hook(t, rotated.body).Secret)
	require.Empty(t, hook(t, b.post(t, one+"/rotate", `{"overlap_seconds": 0}`, "Idempotency-Key", "r1").body).Secret)
	disabled := hook(t, b.post(t, one+"/disable", `{}`).body)
	require.Equal(t, webhooks.ForRequest, disabled.DisabledFor)
	b.post(t, one+"/test", `{}`).problem(t, http.StatusConflict, webhooks.CodeEndpointDisabled)
	require.Nil(t, hook(t, b.post(t, one+"/enable", `{}`).body).DisabledAt)
	require.Empty(t, endpoints.cursor)
	require.Equal(t, http.StatusOK, b.post(t, one+"/enable", `{"skip": true}`).status)
	require.NotEmpty(t, endpoints.cursor)
	require.Equal(t, http.StatusOK, b.post(t, one+"/delete", `{}`).status)
	b.post(t, one+"/delete", `{}`).problem(t, http.StatusNotFound, domain.CodeNotFound)
	b.get(t, one).problem(t, http.StatusNotFound, domain.CodeNotFound)
}

func TestWhatIsDueIsShownAndSentAgain(t *testing.T) {
	t.Parallel()
	endpoints, events := newFakeEndpoints(), newFakeEvents()
	b := setup(t, func(o *Options) { o.Endpoints, o.Events = endpoints, events })
	one := hooksPath + "/" + hook(t, b.post(t, hooksPath, goodEndpoint).body).EndpointID.String()
	require.Equal(t, http.StatusAccepted, b.post(t, one+"/test", `{}`).status)
	events.happen("OrderPlaced")
	id := events.events[0].EventID
	require.Equal(t, http.StatusAccepted, b.post(t, one+"/resend", `{"event_ids": ["`+id.String()+`"]}`).status)
	require.Equal(t, []uuid.UUID{id}, endpoints.resent.EventIDs)
	unknown := b.post(t, one+"/resend", `{"event_ids": ["`+id.String()+`", "`+uuid.NewString()+`"]}`)
	unknown.problem(t, http.StatusUnprocessableEntity, domain.CodeInvalid)
	require.Contains(t, unknown.body, "event_ids[1]")
	b.post(t, one+"/resend", `{}`).problem(t, http.StatusUnprocessableEntity, domain.CodeInvalid)
	b.post(t, one+"/resend", `{"from_cursor": "x"}`).problem(t, http.StatusUnprocessableEntity, domain.CodeInvalid)
	log := b.get(t, one+"/deliveries?outcome=failed&limit=3&event_id="+id.String())
	require.Equal(t, http.StatusOK, log.status, log.body)
	require.Contains(t, log.body, `"next_cursor":"n"`)
	require.Equal(t, webhooks.OutcomeFailed, endpoints.log.Outcome)
	require.Equal(t, id, endpoints.log.EventID)
	due := b.get(t, one+"/pending")
	require.Equal(t, http.StatusOK, due.status, due.body)
	require.Contains(t, due.body, `"held":[{`)
	require.Contains(t, due.body, `"events":`)
}

func TestWrongEndpointsAreRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.post(t, hooksPath, `{"name": "n", "url": "http://hooks.example.com"}`).problem(t, http.StatusUnprocessableEntity, domain.CodeInvalid)
	b.post(t, hooksPath, `{"name": "n", "url": "https://10.0.0.1"}`).problem(t, http.StatusUnprocessableEntity, domain.CodeInvalid)
	b.post(t, hooksPath, `{"name": "n", "url": "https://hooks.example.com", "types": []}`).problem(t, http.StatusUnprocessableEntity, domain.CodeInvalid)
	b.post(t, hooksPath, `{"name": "n"}`).problem(t, http.StatusUnprocessableEntity, domain.CodeInvalid)
	endpoints := newFakeEndpoints()
	endpoints.err = domain.Refuse(webhooks.CodeTooManyEndpoints, "the account has 50 endpoints")
	b = setup(t, func(o *Options) { o.Endpoints = endpoints })
	b.post(t, hooksPath, goodEndpoint).problem(t, http.StatusConflict, webhooks.CodeTooManyEndpoints)
}

// An endpoint gets the version of the request that makes it, which is that of its key, and keeps it.
func TestAnEndpointIsPinnedToTheVersionOfItsMaker(t *testing.T) {
	t.Parallel()
	endpoints := newFakeEndpoints()
	endpoints.rules.Versions = PayloadVersions(twoVersions())
	keys := callers{}
	for name, v := range map[string]string{"old": firstVersion, "new": secondVersion} {
		keys[name] = &access.Caller{Account: "shop", ID: name, Role: access.Admin, Scopes: access.Admin.Scopes(), Version: v}
	}
	b := setup(t, func(o *Options) { o.Endpoints, o.Versions, o.Authenticator = endpoints, twoVersions(), keys })
	for key, v := range map[string]string{"old": firstVersion, "new": secondVersion} {
		made := b.raw(t, "POST", hooksPath, goodEndpoint, "Authorization", "Bearer "+key)
		require.Equal(t, http.StatusCreated, made.status, made.body)
		require.Equal(t, v, hook(t, made.body).Version)
	}
	asked := strings.Replace(goodEndpoint, "{", `{"payload_version": "`+firstVersion+`", `, 1)
	require.Equal(t, firstVersion, hook(t, b.raw(t, "POST", hooksPath, asked, "Authorization", "Bearer new").body).Version)
	for _, unknown := range []string{"2020-01-01", "newest"} {
		asked = strings.Replace(goodEndpoint, "{", `{"payload_version": "`+unknown+`", `, 1)
		a := b.raw(t, "POST", hooksPath, asked, "Authorization", "Bearer new")
		require.Equal(t, []string{"body:payload_version"}, a.problem(t, http.StatusUnprocessableEntity, codeInvalid).fields())
	}
}

// What an endpoint of an older version gets of an event is what the feed shows in that version.
func TestPayloadsAreBroughtBackAsTheFeedIs(t *testing.T) {
	t.Parallel()
	v := PayloadVersions(twoVersions())
	require.Equal(t, []string{secondVersion, firstVersion}, v.Known())
	delivery := func() map[string]any {
		return map[string]any{"type": "OrderPlaced", "cursor": "c", "data": map[string]any{"type": "OrderPlaced", "data": map[string]any{"type": "a type of its own"}}}
	}
	older := delivery()
	v.Back(firstVersion, older)
	require.Equal(t, map[string]any{
		"type": "OrderPlaced", "cursor": "c", "data": map[string]any{"kind": "OrderPlaced", "data": map[string]any{"type": "a type of its own"}},
	}, older)
	newest := delivery()
	v.Back(secondVersion, newest)
	require.Equal(t, delivery(), newest)
	test := map[string]any{"type": webhooks.TestType, "data": map[string]any{"type": "x"}}
	v.Back(firstVersion, test)
	require.Equal(t, map[string]any{"type": "x"}, test["data"], "a test has no event")
	enveloped := PayloadVersions(version.New(firstVersion, version.Change{To: secondVersion, Answers: map[string]func(map[string]any){
		"Webhook": func(o map[string]any) { version.Rename(o, "type", "kind") },
	}}))
	test = map[string]any{"type": webhooks.TestType}
	enveloped.Back(firstVersion, test)
	require.Equal(t, map[string]any{"kind": webhooks.TestType}, test)
}
