package api

import (
	"context"
	"net/http"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/access"
	"github.com/orderloom/orderloom/api/httpx"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/feed"
	"github.com/orderloom/orderloom/webhooks"
)

var _ Endpoints = (*webhooks.Table)(nil)

// Endpoints keeps where accounts are told of events. All calls may be repeated, and see the endpoints of one account
// alone. Errors of each: not_found.
type Endpoints interface {
	EndpointSettings
	EndpointStates
	EndpointQueues
}

// EndpointSettings makes, changes and ends endpoints. Errors: [domain.Invalids]; forbidden.
type EndpointSettings interface {
	// Create returns the secret once. Errors: too_many_webhook_endpoints; idempotency_key_reused.
	Create(ctx context.Context, n webhooks.NewEndpoint) (made webhooks.Endpoint, secret string, err error)
	Get(ctx context.Context, account string, id uuid.UUID) (webhooks.Endpoint, error)
	List(ctx context.Context, account string) ([]webhooks.Endpoint, error)
	Change(ctx context.Context, id uuid.UUID, s webhooks.Settings, by *access.Caller) (webhooks.Endpoint, error)
	// Rotate returns the new secret once.
	Rotate(ctx context.Context, r webhooks.Rotation) (rotated webhooks.Endpoint, secret string, err error)
}

// EndpointStates enables, disables and deletes endpoints.
type EndpointStates interface {
	// Enable goes on from the endpoint's place, or from a cursor.
	Enable(ctx context.Context, account string, id uuid.UUID, cursor string) (webhooks.Endpoint, error)
	Disable(ctx context.Context, account string, id uuid.UUID) (webhooks.Endpoint, error)
	Delete(ctx context.Context, account string, id uuid.UUID) error
}

// EndpointQueues shows and changes what is sent besides what happens. Errors: webhook_endpoint_disabled;
// too_many_resends.
type EndpointQueues interface {
	Test(ctx context.Context, account string, endpoint, id uuid.UUID) error
	Resend(ctx context.Context, account string, r webhooks.Resend) error
	Deliveries(ctx context.Context, account string, q webhooks.LogQuery) (page []webhooks.Delivery, next string, err error)
	Held(ctx context.Context, account string, id uuid.UUID) ([]webhooks.HeldOrder, error)
}

const endpointsPath = "/api/v1/webhook-endpoints"

func (a *API) endpointRoutes() []httpx.Route {
	one := endpointsPath + "/{endpoint_id}"
	return []httpx.Route{
		{Method: "POST", Path: endpointsPath, Handle: httpx.Body(a.createEndpoint)},
		{Method: "GET", Path: endpointsPath, Handle: a.listEndpoints},
		{Method: "GET", Path: one, Handle: a.getEndpoint},
		{Method: "POST", Path: one, Handle: httpx.Body(a.changeEndpoint)},
		{Method: "POST", Path: one + "/rotate", Handle: httpx.Body(a.rotateEndpoint)},
		{Method: "POST", Path: one + "/enable", Handle: httpx.Body(a.enableEndpoint)},
		{Method: "POST", Path: one + "/disable", Handle: httpx.Body(a.disableEndpoint)},
		{Method: "POST", Path: one + "/delete", Handle: httpx.Body(a.deleteEndpoint)},
		{Method: "POST", Path: one + "/test", Handle: httpx.Body(a.testEndpoint)},
		{Method: "POST", Path: one + "/resend", Handle: httpx.Body(a.resendEvents)},
		{Method: "GET", Path: one + "/deliveries", Handle: a.listDeliveries},
		{Method: "GET", Path: one + "/pending", Handle: a.listPending},
	}
}

// endpointSettings are what can be changed of an endpoint.
type endpointSettings struct {
	Name           string            `json:"name"`
	URL            string            `json:"url"`
	Types          []string          `json:"types,omitempty"`
	Channel        string            `json:"channel,omitempty"`
	Payload        webhooks.Form     `json:"payload,omitempty"`
	PayloadVersion string            `json:"payload_version,omitempty"`
	Personal       bool              `json:"personal,omitempty"`
	Headers        map[string]string `json:"headers,omitempty"`
}

func (r *endpointSettings) settings() webhooks.Settings {
	s := webhooks.Settings(*r)
	if s.Payload == "" {
		s.Payload = webhooks.Snapshot
	}
	return s
}

// newEndpoint is the body of POST /api/v1/webhook-endpoints.
type newEndpoint struct {
	endpointSettings
	Signature webhooks.Signature `json:"signature,omitempty"`
	Cursor    string             `json:"cursor,omitempty"`
}

// shownEndpoint is an endpoint, with its secret in the one answer that shows it.
type shownEndpoint struct {
	webhooks.Endpoint
	Secret string `json:"secret,omitempty"`
}

// createEndpoint makes an endpoint: POST /api/v1/webhook-endpoints. With an Idempotency-Key it may be repeated, and the
// secret is shown in the first answer alone.
func (a *API) createEndpoint(ctx context.Context, x *httpx.Exchange, r *newEndpoint) error {
	n := webhooks.NewEndpoint{
		EndpointID: x.KeyedID(endpointNamespace), Settings: r.settings(), Signature: r.Signature, Cursor: r.Cursor, Caller: x.Caller,
	}
	if n.Signature == "" {
		n.Signature = webhooks.V1
	}
	if n.PayloadVersion == "" {
		n.PayloadVersion = string(x.Version())
	}
	var err error
	if n.RequestHash, err = x.Fingerprint(r); err != nil {
		return err
	}
	if n.Cursor, err = a.place(ctx, x.Caller, r.Cursor); err != nil {
		return err
	}
	made, secret, err := a.endpoints.Create(ctx, n)
	if err != nil {
		return endpointProblem(err)
	}
	replay(x, secret == "")
	x.Writer.Header().Set("Location", endpointsPath+"/"+made.EndpointID.String())
	return showEndpoint(x, http.StatusCreated, made, secret)
}

// place is where an endpoint begins: after a cursor, or with what comes next.
func (a *API) place(ctx context.Context, c *access.Caller, cursor string) (string, error) {
	if cursor == "" {
		cursor = feed.Now
	}
	page, err := a.events.Page(ctx, feed.Query{Caller: c, Cursor: cursor, Limit: 1})
	switch {
	case err != nil:
		return "", feedProblem(err, httpx.InBody, "cursor")
	case cursor == feed.Now:
		return page.Next, nil
	}
	return cursor, nil
}

// endpointProblem is what the endpoints refuse; anything else passes.
func endpointProblem(err error) error {
	if domain.Code(err) == domain.CodeInvalid {
		return httpx.InvalidBody(err)
	}
	return err
}

// showEndpoint answers with an endpoint. No cache keeps a secret.
func showEndpoint(x *httpx.Exchange, status int, e webhooks.Endpoint, secret string) error {
	x.Writer.Header().Set("Cache-Control", "no-store")
	return x.JSON(status, shownEndpoint{Endpoint: e, Secret: secret})
}

// answerEndpoint shows an endpoint after a call about it.
func answerEndpoint(x *httpx.Exchange, e webhooks.Endpoint, err error) error {
	if err != nil {
		return endpointProblem(err)
	}
	return showEndpoint(x, http.StatusOK, e, "")
}

// listEndpoints shows the endpoints of the caller's account that it may know of: GET /api/v1/webhook-endpoints.
func (a *API) listEndpoints(ctx context.Context, x *httpx.Exchange) error {
	all, err := a.endpoints.List(ctx, x.Account())
	if err != nil {
		return endpointProblem(err)
	}
	x.Writer.Header().Set("Cache-Control", "no-store")
	return x.JSON(http.StatusOK, map[string]any{"endpoints": knownOf(all, func(e *webhooks.Endpoint) bool { return e.SeenBy(x.Caller) })})
}

// getEndpoint shows an endpoint: GET /api/v1/webhook-endpoints/{endpoint_id}.
func (a *API) getEndpoint(ctx context.Context, x *httpx.Exchange) error {
	e, err := a.endpoints.Get(ctx, x.Account(), x.UUID("endpoint_id"))
	return answerEndpoint(x, e, err)
}

// changeEndpoint replaces the settings of an endpoint: POST /api/v1/webhook-endpoints/{endpoint_id}.
func (a *API) changeEndpoint(ctx context.Context, x *httpx.Exchange, r *endpointSettings) error {
	e, err := a.endpoints.Change(ctx, x.UUID("endpoint_id"), r.settings(), x.Caller)
	return answerEndpoint(x, e, err)
}

// rotateEndpoint gives an endpoint another secret: POST /api/v1/webhook-endpoints/{endpoint_id}/rotate.
func (a *API) rotateEndpoint(ctx context.Context, x *httpx.Exchange, r *rotation) error {
	e, secret, err := a.endpoints.Rotate(ctx, webhooks.Rotation{
		EndpointID: x.UUID("endpoint_id"), RequestID: x.KeyedID(endpointRotationNamespace), Overlap: r.overlap(a.keyOverlap), By: x.Caller,
	})
	if err != nil {
		return endpointProblem(err)
	}
	replay(x, secret == "")
	return showEndpoint(x, http.StatusOK, e, secret)
}

// enabling is the body of POST /api/v1/webhook-endpoints/{endpoint_id}/enable.
type enabling struct {
	Skip bool `json:"skip,omitempty"`
}

// enableEndpoint goes on with an endpoint: POST /api/v1/webhook-endpoints/{endpoint_id}/enable.
func (a *API) enableEndpoint(ctx context.Context, x *httpx.Exchange, r *enabling) (err error) {
	cursor := ""
	if r.Skip {
		if cursor, err = a.place(ctx, x.Caller, ""); err != nil {
			return err
		}
	}
	e, err := a.endpoints.Enable(ctx, x.Account(), x.UUID("endpoint_id"), cursor)
	return answerEndpoint(x, e, err)
}

// noMembers is a body without members.
type noMembers struct{}

// disableEndpoint stops an endpoint: POST /api/v1/webhook-endpoints/{endpoint_id}/disable.
func (a *API) disableEndpoint(ctx context.Context, x *httpx.Exchange, _ *noMembers) error {
	e, err := a.endpoints.Disable(ctx, x.Account(), x.UUID("endpoint_id"))
	return answerEndpoint(x, e, err)
}

// deleteEndpoint ends an endpoint for good: POST /api/v1/webhook-endpoints/{endpoint_id}/delete.
func (a *API) deleteEndpoint(ctx context.Context, x *httpx.Exchange, _ *noMembers) error {
	id := x.UUID("endpoint_id")
	if err := a.endpoints.Delete(ctx, x.Account(), id); err != nil {
		return endpointProblem(err)
	}
	return x.JSON(http.StatusOK, map[string]any{"endpoint_id": id, "deleted": true})
}

// testEndpoint sends a delivery without an event: POST /api/v1/webhook-endpoints/{endpoint_id}/test.
func (a *API) testEndpoint(ctx context.Context, x *httpx.Exchange, _ *noMembers) error {
	id := x.KeyedID(endpointTestNamespace)
	if err := a.endpoints.Test(ctx, x.Account(), x.UUID("endpoint_id"), id); err != nil {
		return endpointProblem(err)
	}
	return x.JSON(http.StatusAccepted, map[string]uuid.UUID{"event_id": id})
}

// resending is the body of POST /api/v1/webhook-endpoints/{endpoint_id}/resend.
type resending struct {
	EventIDs    []uuid.UUID `json:"event_ids,omitempty"`
	FromCursor  string      `json:"from_cursor,omitempty"`
	UntilCursor string      `json:"until_cursor,omitempty"`
	Undelivered bool        `json:"undelivered,omitempty"`
}

func (r *resending) resend() webhooks.Resend {
	return webhooks.Resend{EventIDs: r.EventIDs, From: r.FromCursor, Until: r.UntilCursor, Undelivered: r.Undelivered}
}

// Check names what is wrong.
func (r *resending) Check() error {
	s := r.resend()
	return s.Check()
}

// resendEvents sends events again: POST /api/v1/webhook-endpoints/{endpoint_id}/resend.
func (a *API) resendEvents(ctx context.Context, x *httpx.Exchange, r *resending) error {
	id, s := x.UUID("endpoint_id"), r.resend()
	s.EndpointID, s.RequestID = id, x.KeyedID(endpointResendNamespace)
	e, err := a.endpoints.Get(ctx, x.Account(), id)
	if err != nil {
		return endpointProblem(err)
	}
	if err := s.CheckEvents(ctx, &e, a.events); err != nil {
		return endpointProblem(err)
	}
	if err := a.endpoints.Resend(ctx, x.Account(), s); err != nil {
		return endpointProblem(err)
	}
	return showEndpoint(x, http.StatusAccepted, e, "")
}

// listDeliveries shows a page of the log: GET /api/v1/webhook-endpoints/{endpoint_id}/deliveries.
func (a *API) listDeliveries(ctx context.Context, x *httpx.Exchange) error {
	page, next, err := a.endpoints.Deliveries(ctx, x.Account(), webhooks.LogQuery{
		EndpointID: x.UUID("endpoint_id"), EventID: x.UUID("event_id"), Outcome: x.QueryText("outcome"), Cursor: x.QueryText("cursor"),
		Limit: int(x.QueryInt("limit")),
	})
	switch {
	case domain.Code(err) == domain.CodeInvalid:
		return httpx.InvalidQuery(err)
	case err != nil:
		return endpointProblem(err)
	}
	if page == nil {
		page = []webhooks.Delivery{}
	}
	x.Writer.Header().Set("Cache-Control", "no-store")
	return x.JSON(http.StatusOK, deliveryPage{Deliveries: page, NextCursor: next})
}

type deliveryPage struct {
	Deliveries []webhooks.Delivery `json:"deliveries"`
	NextCursor string              `json:"next_cursor,omitempty"`
}

// pending is what an endpoint has yet to get.
type pending struct {
	Held []webhooks.HeldOrder `json:"held"`
	eventPage
}

// listPending shows what is due: GET /api/v1/webhook-endpoints/{endpoint_id}/pending.
func (a *API) listPending(ctx context.Context, x *httpx.Exchange) error {
	id := x.UUID("endpoint_id")
	e, err := a.endpoints.Get(ctx, x.Account(), id)
	if err != nil {
		return endpointProblem(err)
	}
	held, err := a.endpoints.Held(ctx, x.Account(), id)
	if err != nil {
		return endpointProblem(err)
	}
	cursor := x.QueryText("cursor")
	if cursor == "" {
		cursor = e.Cursor
	}
	q := e.Query(cursor, int(x.QueryInt("limit")))
	q.Personal = false
	page, err := a.events.Page(ctx, q)
	if err != nil {
		return feedProblem(err, httpx.InQuery, "cursor")
	}
	if held == nil {
		held = []webhooks.HeldOrder{}
	}
	if page.Events == nil {
		page.Events = []feed.Event{}
	}
	x.Writer.Header().Set("Cache-Control", "no-store")
	return x.JSON(http.StatusOK, pending{held, eventPage{Events: page.Events, NextCursor: page.Next, More: page.More}})
}
