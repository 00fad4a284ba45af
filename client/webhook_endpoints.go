package client

import (
	"context"
	"iter"
	"net/http"
	"strconv"
	"time"

	"github.com/google/uuid"
)

const webhookEndpointsPath = "/api/v1/webhook-endpoints"

// WebhookSignature is how deliveries are signed.
type WebhookSignature string

// How deliveries are signed.
const (
	// WebhookV1 is HMAC-SHA256, with a secret that both sides have.
	WebhookV1 WebhookSignature = "v1"
	// WebhookV1a is Ed25519: receivers check with [WebhookEndpoint.PublicKey], and can't forge what they check.
	WebhookV1a WebhookSignature = "v1a"
)

// WebhookPayload is what a delivery tells of an event.
type WebhookPayload string

// What a delivery tells of an event.
const (
	// WebhookSnapshot is all of it, and WebhookThin all but its data.
	WebhookSnapshot WebhookPayload = "snapshot"
	WebhookThin     WebhookPayload = "thin"
)

// WebhookOutcome is how an attempt has ended.
type WebhookOutcome string

// How an attempt has ended.
const (
	WebhookDelivered WebhookOutcome = "delivered"
	WebhookFailed    WebhookOutcome = "failed"
	// WebhookGivenUp is the last failure of an event, which is not tried again unless somebody asks for it.
	WebhookGivenUp WebhookOutcome = "given_up"
)

// WebhookSettings are what can be changed of an endpoint.
type WebhookSettings struct {
	// Name says what the endpoint is for.
	Name string `json:"name"`
	// URL begins with https://.
	URL string `json:"url"`
	// Types are those of events to send; empty for all.
	Types []string `json:"types,omitempty"`
	// Channel is the one whose orders to choose; empty for all that the caller sees.
	Channel string `json:"channel,omitempty"`
	// Payload is [WebhookSnapshot] when empty.
	Payload WebhookPayload `json:"payload,omitempty"`
	// PayloadVersion is a version of the API. It stays when empty; of a new endpoint it is [APIVersion] then.
	PayloadVersion string `json:"payload_version,omitempty"`
	// Personal sends what is sealed of persons. It needs the scope personal:read.
	Personal bool `json:"personal,omitempty"`
	// Headers are sent besides; nil keeps those that there are.
	Headers map[string]string `json:"headers,omitempty"`
}

// NewWebhookEndpoint is an endpoint to be made.
type NewWebhookEndpoint struct {
	WebhookSettings
	// Signature is [WebhookV1] when empty.
	Signature WebhookSignature `json:"signature,omitempty"`
	// Cursor begins after a place of the feed; empty begins with what comes next.
	Cursor string `json:"cursor,omitempty"`
}

// WebhookEndpoint is where an account is told of events.
type WebhookEndpoint struct {
	EndpointID     uuid.UUID        `json:"endpoint_id"`
	Account        string           `json:"account"`
	Name           string           `json:"name"`
	URL            string           `json:"url"`
	Types          []string         `json:"types,omitempty"`
	Channel        string           `json:"channel,omitempty"`
	Payload        WebhookPayload   `json:"payload"`
	PayloadVersion string           `json:"payload_version"`
	Personal       bool             `json:"personal"`
	Signature      WebhookSignature `json:"signature"`
	// PublicKey is what [WebhookV1a] is checked with.
	PublicKey   string    `json:"public_key,omitempty"`
	HeaderNames []string  `json:"header_names,omitempty"`
	CreatedAt   time.Time `json:"created_at"`
	CreatedBy   string    `json:"created_by"`
	// The times are nil for what has not happened. The secret from before the last rotation signs until PreviousUntil.
	RotatedAt     *time.Time `json:"rotated_at,omitempty"`
	PreviousUntil *time.Time `json:"previous_until,omitempty"`
	DisabledAt    *time.Time `json:"disabled_at,omitempty"`
	// DisabledFor is "request", "gone" or "failures".
	DisabledFor string `json:"disabled_for,omitempty"`
	// Cursor is its place in the feed. What lies before it is delivered, but for Held orders.
	Cursor string `json:"cursor"`
	// Delivered counts what was taken.
	Delivered   int64      `json:"delivered"`
	SucceededAt *time.Time `json:"succeeded_at,omitempty"`
	// FailingSince is the first failure since something was taken. The endpoint is disabled at DisablesAt for that.
	FailingSince *time.Time `json:"failing_since,omitempty"`
	DisablesAt   *time.Time `json:"disables_at,omitempty"`
	LastError    string     `json:"last_error,omitempty"`
	// RestsUntil is when the next attempt is made, while it does not answer.
	RestsUntil *time.Time `json:"rests_until,omitempty"`
	// Held counts orders that are held back because a delivery of theirs has failed.
	Held int `json:"held"`
	// Secret is what [NewWebhookVerifier] takes. It is in the one answer that has made it, and empty in all others.
	Secret string `json:"secret,omitempty"`
}

// WebhookEndpoints is those of an account, the newest first.
type WebhookEndpoints struct {
	Endpoints []WebhookEndpoint `json:"endpoints"`
}

// EnableWebhookEndpoint says where an endpoint goes on.
type EnableWebhookEndpoint struct {
	// Skip goes on from now. What has happened meanwhile is not sent.
	Skip bool `json:"skip,omitempty"`
}

// DeletedWebhookEndpoint tells of an endpoint that is gone.
type DeletedWebhookEndpoint struct {
	EndpointID uuid.UUID `json:"endpoint_id"`
	Deleted    bool      `json:"deleted"`
}

// WebhookTestSent tells of a test that is about to be sent.
type WebhookTestSent struct {
	// EventID is the Webhook-Id of the delivery.
	EventID uuid.UUID `json:"event_id"`
}

// ResendWebhooks says what to send again: EventIDs, a range, or what was given up.
type ResendWebhooks struct {
	EventIDs []uuid.UUID `json:"event_ids,omitempty"`
	// FromCursor and UntilCursor are places of the feed. Without the latter it is the endpoint's place of now.
	FromCursor  string `json:"from_cursor,omitempty"`
	UntilCursor string `json:"until_cursor,omitempty"`
	// Undelivered is all that was given up. Orders that are held back are tried at once.
	Undelivered bool `json:"undelivered,omitempty"`
}

// WebhookDelivery is an attempt.
type WebhookDelivery struct {
	At      time.Time `json:"at"`
	EventID uuid.UUID `json:"event_id"`
	Type    string    `json:"type"`
	// OrderID is the zero id for what is about no order.
	OrderID uuid.UUID `json:"order_id,omitzero"`
	Cursor  string    `json:"cursor,omitempty"`
	// Asked is true for a test, and for what was sent again.
	Asked   bool           `json:"asked"`
	Attempt int            `json:"attempt"`
	Outcome WebhookOutcome `json:"outcome"`
	// Status is that of the answer; 0 without one.
	Status   int        `json:"status,omitempty"`
	Error    string     `json:"error,omitempty"`
	Response string     `json:"response,omitempty"`
	TookMS   int        `json:"took_ms"`
	ResentAt *time.Time `json:"resent_at,omitempty"`
}

// WebhookDeliveryQuery chooses attempts. The zero value chooses all.
type WebhookDeliveryQuery struct {
	EventID uuid.UUID
	Outcome WebhookOutcome
	Cursor  string
	// Limit is how many a page has at most, up to 100; 0 is 20.
	Limit int
}

// WebhookDeliveryPage is a page of attempts, the newest first.
type WebhookDeliveryPage struct {
	Deliveries []WebhookDelivery `json:"deliveries"`
	NextCursor string            `json:"next_cursor,omitempty"`
}

// HeldOrder is an order, or a stream of stock, that is held back. It goes on by itself.
type HeldOrder struct {
	OrderID  uuid.UUID  `json:"order_id"`
	Cursor   string     `json:"cursor"`
	Attempts int        `json:"attempts"`
	FailedAt *time.Time `json:"failed_at,omitempty"`
	DueAt    time.Time  `json:"due_at"`
	Error    string     `json:"error,omitempty"`
}

// PendingWebhooks is what an endpoint has yet to get: orders that are held back, and the events behind its place.
type PendingWebhooks struct {
	Held       []HeldOrder `json:"held"`
	Events     []Event     `json:"events"`
	NextCursor string      `json:"next_cursor"`
	More       bool        `json:"more"`
}

func webhookEndpointPath(id uuid.UUID, below string) string {
	return webhookEndpointsPath + "/" + id.String() + below
}

// CreateWebhookEndpoint makes an endpoint. The answer has its secret, unless the same request has made it before.
// Errors: forbidden; too_many_webhook_endpoints.
func (c *Client) CreateWebhookEndpoint(ctx context.Context, endpoint NewWebhookEndpoint, options ...CallOption) (WebhookEndpoint, error) {
	return c.askEndpoint(ctx, newRequest(http.MethodPost, webhookEndpointsPath, endpoint, options))
}

func (c *Client) askEndpoint(ctx context.Context, r *request) (e WebhookEndpoint, err error) {
	_, err = c.sendRequest(ctx, r, into(&e))
	return e, err
}

// ListWebhookEndpoints shows the endpoints of the caller's account.
func (c *Client) ListWebhookEndpoints(ctx context.Context, options ...CallOption) (WebhookEndpoints, error) {
	var all WebhookEndpoints
	_, err := c.sendRequest(ctx, newRequest(http.MethodGet, webhookEndpointsPath, nil, options), into(&all))
	return all, err
}

// GetWebhookEndpoint shows an endpoint. Errors: not_found.
func (c *Client) GetWebhookEndpoint(ctx context.Context, id uuid.UUID, options ...CallOption) (WebhookEndpoint, error) {
	return c.askEndpoint(ctx, newRequest(http.MethodGet, webhookEndpointPath(id, ""), nil, options))
}

// ChangeWebhookEndpoint replaces the settings of an endpoint, which stays at its place. Errors: not_found; forbidden.
func (c *Client) ChangeWebhookEndpoint(ctx context.Context, id uuid.UUID, settings WebhookSettings, options ...CallOption) (WebhookEndpoint, error) {
	return c.askEndpoint(ctx, newRequest(http.MethodPost, webhookEndpointPath(id, ""), settings, options))
}

// RotateWebhookSecret gives an endpoint another secret, which is in the answer unless the same request has made it
// before. The former one signs as well for a while. Errors: not_found.
func (c *Client) RotateWebhookSecret(ctx context.Context, id uuid.UUID, rotation Rotation, options ...CallOption) (WebhookEndpoint, error) {
	return c.askEndpoint(ctx, newRequest(http.MethodPost, webhookEndpointPath(id, "/rotate"), rotation, options))
}

// EnableWebhookEndpoint goes on with an endpoint that is disabled. Errors: not_found.
func (c *Client) EnableWebhookEndpoint(
	ctx context.Context, id uuid.UUID, how EnableWebhookEndpoint, options ...CallOption,
) (WebhookEndpoint, error) {
	return c.askEndpoint(ctx, newRequest(http.MethodPost, webhookEndpointPath(id, "/enable"), how, options))
}

// DisableWebhookEndpoint stops all that is sent. What is due stays due. Errors: not_found.
func (c *Client) DisableWebhookEndpoint(ctx context.Context, id uuid.UUID, options ...CallOption) (WebhookEndpoint, error) {
	return c.askEndpoint(ctx, newRequest(http.MethodPost, webhookEndpointPath(id, "/disable"), struct{}{}, options))
}

// DeleteWebhookEndpoint ends an endpoint for good. Error: not_found, also when it is repeated.
func (c *Client) DeleteWebhookEndpoint(ctx context.Context, id uuid.UUID, options ...CallOption) (DeletedWebhookEndpoint, error) {
	var gone DeletedWebhookEndpoint
	_, err := c.sendRequest(ctx, newRequest(http.MethodPost, webhookEndpointPath(id, "/delete"), struct{}{}, options), into(&gone))
	return gone, err
}

// TestWebhookEndpoint sends a delivery of the type [WebhookTest]. Errors: not_found; webhook_endpoint_disabled.
func (c *Client) TestWebhookEndpoint(ctx context.Context, id uuid.UUID, options ...CallOption) (WebhookTestSent, error) {
	var sent WebhookTestSent
	_, err := c.sendRequest(ctx, newRequest(http.MethodPost, webhookEndpointPath(id, "/test"), struct{}{}, options), into(&sent))
	return sent, err
}

// ResendWebhooks sends events again, under the ids that they had. Errors: not_found; webhook_endpoint_disabled;
// too_many_resends.
func (c *Client) ResendWebhooks(ctx context.Context, id uuid.UUID, what ResendWebhooks, options ...CallOption) (WebhookEndpoint, error) {
	return c.askEndpoint(ctx, newRequest(http.MethodPost, webhookEndpointPath(id, "/resend"), what, options))
}

// ListWebhookDeliveries shows one page of attempts: those that have failed, those that have succeeded after that, and
// what was asked for. Errors: not_found.
func (c *Client) ListWebhookDeliveries(ctx context.Context, id uuid.UUID, q WebhookDeliveryQuery, options ...CallOption) (WebhookDeliveryPage, error) {
	r := newRequest(http.MethodGet, webhookEndpointPath(id, "/deliveries"), nil, options)
	if q.EventID != uuid.Nil {
		r.set("event_id", q.EventID.String())
	}
	r.set("outcome", string(q.Outcome))
	setPage(r, q.Cursor, q.Limit)
	var page WebhookDeliveryPage
	_, err := c.sendRequest(ctx, r, into(&page))
	return page, err
}

// WebhookDeliveries goes through all attempts that q chooses, page by page. It ends after the first error.
func (c *Client) WebhookDeliveries(
	ctx context.Context, id uuid.UUID, q WebhookDeliveryQuery, options ...CallOption,
) iter.Seq2[WebhookDelivery, error] {
	return pages(q.Cursor, func(cursor string) ([]WebhookDelivery, string, error) {
		q.Cursor = cursor
		page, err := c.ListWebhookDeliveries(ctx, id, q, options...)
		return page.Deliveries, page.NextCursor, err
	})
}

// ListPendingWebhooks shows what an endpoint has yet to get, from its place on or after a cursor. Limit is at most 100;
// 0 is 20. Errors: not_found.
func (c *Client) ListPendingWebhooks(ctx context.Context, id uuid.UUID, cursor string, limit int, options ...CallOption) (PendingWebhooks, error) {
	r := newRequest(http.MethodGet, webhookEndpointPath(id, "/pending"), nil, options)
	setPage(r, cursor, limit)
	var due PendingWebhooks
	_, err := c.sendRequest(ctx, r, into(&due))
	return due, err
}

func setPage(r *request, cursor string, limit int) {
	r.set("cursor", cursor)
	if limit != 0 {
		r.set("limit", strconv.Itoa(limit))
	}
}
