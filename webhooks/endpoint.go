package webhooks

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/access"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/catalog"
	"github.com/orderloom/orderloom/feed"
)

// Limits of endpoints.
const (
	// EndpointsMax bounds how many endpoints an account has.
	EndpointsMax = 50
	// URLBytesMax bounds the address of an endpoint.
	URLBytesMax = 2000
	// HeadersMax and HeaderBytesMax bound the headers of an endpoint, and each value.
	HeadersMax     = 20
	HeaderBytesMax = 1000
	// OverlapMax bounds how long a former secret may sign.
	OverlapMax = 30 * 24 * time.Hour
)

// Codes of refusals.
const (
	// CodeTooManyEndpoints refuses an endpoint where the account has as many as it may have.
	CodeTooManyEndpoints domain.ErrorCode = "too_many_webhook_endpoints"
	// CodeEndpointDisabled refuses to send something to an endpoint that is disabled.
	CodeEndpointDisabled domain.ErrorCode = "webhook_endpoint_disabled"
)

// Form is what a delivery tells of an event.
type Form string

// The forms.
const (
	// Snapshot is the whole event, as the feed shows it.
	Snapshot Form = "snapshot"
	// Thin is what the event is about, without its data: the receiver asks for these.
	Thin Form = "thin"
)

// Why an endpoint is disabled.
const (
	// ForRequest is because somebody has asked for it.
	ForRequest = "request"
	// ForGone is because the receiver has answered 410.
	ForGone = "gone"
	// ForFailures is because it has taken nothing for [DisabledAfter].
	ForFailures = "failures"
)

// Endpoint is where an account is told of events.
type Endpoint struct {
	EndpointID uuid.UUID `json:"endpoint_id"`
	Account    string    `json:"account"`
	Name       string    `json:"name"`
	URL        string    `json:"url"`
	// Types are those of the events that are sent; empty for all.
	Types []string `json:"types,omitempty"`
	// Channel is the one whose orders are chosen; empty for all.
	Channel string `json:"channel,omitempty"`
	Payload Form   `json:"payload"`
	// PayloadVersion is the version of the API that what is sent has. It stays until it is changed.
	PayloadVersion string `json:"payload_version"`
	// Personal sends what is sealed of persons.
	Personal  bool      `json:"personal"`
	Signature Signature `json:"signature"`
	// PublicKey is what V1a is checked with.
	PublicKey string `json:"public_key,omitempty"`
	// HeaderNames are those of the headers that are sent besides. Their values are not shown.
	HeaderNames []string  `json:"header_names,omitempty"`
	CreatedAt   time.Time `json:"created_at"`
	CreatedBy   string    `json:"created_by"`
	// The times are nil for what has not happened. The secret from before the last rotation signs until PreviousUntil.
	RotatedAt     *time.Time `json:"rotated_at,omitempty"`
	PreviousUntil *time.Time `json:"previous_until,omitempty"`
	DisabledAt    *time.Time `json:"disabled_at,omitempty"`
	// DisabledFor is [ForRequest], [ForGone] or [ForFailures].
	DisabledFor string `json:"disabled_for,omitempty"`
	// Cursor is the endpoint's place in the feed: what lies before it is delivered, or held back.
	Cursor string `json:"cursor"`
	// Delivered counts the deliveries that were taken.
	Delivered   int64      `json:"delivered"`
	SucceededAt *time.Time `json:"succeeded_at,omitempty"`
	// FailingSince is the first failure since the last success. DisablesAt is when the endpoint is disabled for that.
	FailingSince *time.Time `json:"failing_since,omitempty"`
	DisablesAt   *time.Time `json:"disables_at,omitempty"`
	LastError    string     `json:"last_error,omitempty"`
	// RestsUntil is when the next attempt is made, while the endpoint does not answer.
	RestsUntil *time.Time `json:"rests_until,omitempty"`
	// Held counts the orders that are held back because a delivery of theirs has failed.
	Held int `json:"held"`

	// place is that of Cursor, and since is where the events begin that a delivery may name as the one before it.
	place            int64
	scopes, channels []string
	since            string
	rests            int
	revision         int64
	sealed           domain.Sealed
	warnedAt         *time.Time
}

// Disabled reports whether nothing is sent.
func (e *Endpoint) Disabled() bool { return e.DisabledAt != nil }

// Caller is whoever has made the endpoint, as the feed knows them.
func (e *Endpoint) Caller() *access.Caller {
	scopes := make([]access.Scope, len(e.scopes))
	for i, s := range e.scopes {
		scopes[i] = access.Scope(s)
	}
	return &access.Caller{Account: e.Account, ID: "webhook-" + e.EndpointID.String(), Scopes: access.ScopesOf(scopes...), Channels: e.channels}
}

// SeenBy reports whether a caller of the endpoint's account may know of it, and change it: whoever sees all that it
// sends. Its log, what is due and its secret tell others of orders that they must not know of.
func (e *Endpoint) SeenBy(c *access.Caller) bool {
	sends := e.Caller()
	if !sends.SeesAll() { // events of stock are for those alone
		sends.Scopes = sends.Scopes.Without(access.ScopesOf(access.StockRead))
	}
	if !e.Personal {
		sends.Scopes = sends.Scopes.Without(access.ScopesOf(access.PersonalRead))
	}
	if e.Channel != "" {
		sends.Channels = []string{e.Channel}
	}
	return c.SeesAllOf(sends)
}

// Query asks the feed for the events of the endpoint after a cursor.
func (e *Endpoint) Query(cursor string, limit int) feed.Query {
	return feed.Query{Caller: e.Caller(), Types: e.Types, Channel: e.Channel, Personal: e.Personal && e.Payload == Snapshot, Cursor: cursor, Limit: limit}
}

// sealedPart is what an endpoint keeps sealed.
type sealedPart struct {
	// Keys are the current one and, while a rotation overlaps, the one before it.
	Keys []sealedKey `json:"keys"`
	// Next is the key that the next rotation gives out. It signs already, and nobody has it yet. So a process that has
	// not heard of a rotation signs by the secret of now and by the one before all the same.
	Next string `json:"next,omitempty"`
	// Headers are sent with each delivery.
	Headers map[string]string `json:"headers,omitempty"`
}

// sealedKey is a key, the current one without an end.
type sealedKey struct {
	Key   string    `json:"key"`
	Until time.Time `json:"until,omitzero"`
}

// next is the key that a rotation gives out.
func (p *sealedPart) next(scheme Signature) (Key, error) {
	if p.Next == "" { // the endpoint was made before there were any
		return NewKey(scheme), nil
	}
	return ParseKey(p.Next)
}

// NewEndpoint says what endpoint to make.
type NewEndpoint struct {
	// EndpointID and RequestHash make the request repeatable.
	EndpointID  uuid.UUID
	RequestHash string
	Settings
	Signature Signature
	// Cursor is where to begin.
	Cursor string
	// Caller is who makes it. The endpoint gets what they may see, and belongs to their account.
	Caller *access.Caller
}

// Settings are what can be changed of an endpoint.
type Settings struct {
	Name           string
	URL            string
	Types          []string
	Channel        string
	Payload        Form
	PayloadVersion string
	Personal       bool
	// Headers are sent with each delivery; nil keeps those that there are.
	Headers map[string]string
}

// Rules say which addresses there may be, and which versions.
type Rules struct {
	// Private allows addresses that are not of the public internet, and HTTP: for development.
	Private bool
	// Versions are those that payloads may have. Nil takes any, and all payloads are the same.
	Versions Versions
}

var (
	headerForm = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$")
	// ours are headers that a delivery has anyway, or that belong to the connection.
	ours = []string{
		"Content-Type", "Content-Length", "Content-Encoding", "Transfer-Encoding", "Connection", "Host", "Te", "Trailer", "Upgrade", "User-Agent",
		"Keep-Alive", "Expect", "Accept-Encoding", "Proxy-Authorization", "Proxy-Connection", HeaderID, HeaderTimestamp, HeaderSignature,
	}
)

// Check names what is wrong, as [domain.Invalids].
func (s *Settings) Check(rules Rules) error {
	var bad domain.Invalids
	bad.Required("name", s.Name, access.NameLengthMax)
	if message := wrongURL(s.URL, rules); message != "" {
		bad.Add("url", "%s", message)
	}
	if len(s.Types) > feed.TypesMax {
		bad.Add("types", "has at most %d types, got %d", feed.TypesMax, len(s.Types))
	}
	for i, t := range s.Types {
		if catalog.AggregateType(t) == "" {
			bad.Add(fmt.Sprintf("types[%d]", i), "is no type of events: %q", domain.Clip(t))
		}
	}
	if s.Channel != "" {
		bad.ID("channel", s.Channel)
	}
	if s.Payload != Snapshot && s.Payload != Thin {
		bad.Add("payload", "must be %s or %s", Snapshot, Thin)
	}
	if s.Personal && s.Payload == Thin {
		bad.Add("personal", "a thin payload has no data, and so none of persons")
	}
	if v := rules.Versions; v != nil && !slices.Contains(v.Known(), s.PayloadVersion) {
		bad.Add("payload_version", "must be a version of the API: %s", strings.Join(v.Known(), " or "))
	}
	s.checkHeaders(&bad)
	return bad.Err()
}

func (s *Settings) checkHeaders(bad *domain.Invalids) {
	if len(s.Headers) > HeadersMax {
		bad.Add("headers", "has at most %d headers, got %d", HeadersMax, len(s.Headers))
	}
	seen := map[string]bool{}
	for name, value := range s.Headers {
		canonical := http.CanonicalHeaderKey(name)
		twice := seen[canonical]
		seen[canonical] = true
		switch {
		case !headerForm.MatchString(name):
			bad.Add("headers", "%q can't be the name of a header", domain.Clip(name))
		case slices.Contains(ours, canonical):
			bad.Add("headers", "%s is set by the platform", canonical)
		case twice:
			bad.Add("headers", "%s stands twice: names of headers have no case", canonical)
		case len(value) > HeaderBytesMax || strings.ContainsFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r >= 0x7f }):
			bad.Add("headers", "the value of %s must be at most %d visible ASCII characters", name, HeaderBytesMax)
		}
	}
}

// wrongURL says what is wrong with an address; empty for a good one. What its name leads to is looked at when it is
// called.
func wrongURL(text string, rules Rules) string {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Opaque != "" || !callable(u):
		return "must be an address such as https://shop.example.com/webhooks"
	case len(text) > URLBytesMax:
		return fmt.Sprintf("has at most %d bytes, got %d", URLBytesMax, len(text))
	case u.Scheme != "https" && (!rules.Private || u.Scheme != "http"):
		return "must begin with https://"
	case u.User != nil:
		return "must not have a password: put it into a header"
	case u.Fragment != "":
		return "must not have a fragment"
	}
	if address, err := netip.ParseAddr(hostOf(u)); err == nil && !rules.Private && !Public(address) {
		return "must be an address of the public internet"
	}
	if host := strings.TrimSuffix(hostOf(u), "."); !rules.Private && (host == "localhost" || strings.HasSuffix(host, ".localhost")) {
		return "must be an address of the public internet"
	}
	return ""
}

// mayHave refuses what an endpoint of this caller can't send. Error: forbidden.
func (s *Settings) mayHave(c *access.Caller) error {
	needed := access.ScopesOf(access.OrdersRead)
	if s.Personal {
		needed |= access.ScopesOf(access.PersonalRead)
	}
	if missing := needed.Without(c.Scopes); missing != 0 {
		return domain.Refuse(access.CodeForbidden, "an endpoint sends no more than you may see, and you lack %s", missing)
	}
	return nil
}

// subject is whose key seals the secrets of an endpoint. No customer has such a name: it is longer than an id may be.
func subject(id uuid.UUID) string {
	return "secrets and headers of the webhook endpoint " + id.String()
}

// Vault seals what an endpoint must not show.
type Vault interface {
	Seal(ctx context.Context, subject string, value any) (domain.Sealed, error)
	Reseal(ctx context.Context, subject string, s domain.Sealed) (domain.Sealed, error)
	Open(ctx context.Context, s domain.Sealed, value any) error
}

// seal seals for good: what was sealed while the database was away would be under no key of its own.
func seal(ctx context.Context, v Vault, id uuid.UUID, part sealedPart) (domain.Sealed, error) {
	sealed, err := v.Seal(ctx, subject(id), part)
	if err == nil {
		sealed, err = v.Reseal(ctx, subject(id), sealed)
	}
	return sealed, err
}
