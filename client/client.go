package client

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Client calls the API. It is safe for concurrent use, and keeps its connections open between requests.
type Client struct {
	baseURL   string // without a slash at its end
	apiKey    string
	userAgent string
	version   string
	http      *http.Client
	retry     Retry
}

// Limits of a client that [WithHTTPClient] does not replace.
const (
	// requestTimeout bounds one attempt. The API gives up a request after 15 s by default.
	requestTimeout = 30 * time.Second
	// idleConnectionsMax is how many connections to the API are kept open; net/http keeps two.
	idleConnectionsMax = 64
)

// defaultUserAgent names this package to the API.
const defaultUserAgent = "orderloom-go"

// New returns a client of the API at baseURL, such as https://orders.example.com. A path in baseURL comes before the
// path of each operation. No request is made.
func New(baseURL string, options ...Option) (*Client, error) {
	u, err := url.Parse(baseURL)
	if err != nil {
		return nil, fmt.Errorf("read the base URL: %w", err)
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("the base URL must be like https://orders.example.com, got %q", baseURL)
	}
	c := &Client{baseURL: strings.TrimRight(u.String(), "/"), userAgent: defaultUserAgent, version: APIVersion, retry: Retry{}.withDefaults()}
	for _, o := range options {
		o(c)
	}
	if c.http == nil {
		c.http = &http.Client{Transport: defaultTransport(), Timeout: requestTimeout}
	}
	if c.http.CheckRedirect == nil {
		own := *c.http
		own.CheckRedirect = keepMethod
		c.http = &own
	}
	if strings.ContainsAny(c.apiKey, "\r\n") {
		return nil, errors.New("the API key must be one line")
	}
	return c, nil
}

// redirectsMax is how many redirections of one request are followed.
const redirectsMax = 5

// keepMethod follows redirections of reads alone. net/http makes a GET of a POST that is redirected, whose answer would
// look like a success of what was never done. The redirection is returned as a [*Problem] then.
func keepMethod(r *http.Request, via []*http.Request) error {
	if via[0].Method != http.MethodGet || len(via) > redirectsMax {
		return http.ErrUseLastResponse
	}
	return nil
}

func defaultTransport() http.RoundTripper {
	standard, ok := http.DefaultTransport.(*http.Transport)
	if !ok { // someone has replaced it, such as by one that traces
		return http.DefaultTransport
	}
	t := standard.Clone()
	t.MaxIdleConns, t.MaxIdleConnsPerHost = idleConnectionsMax, idleConnectionsMax
	return t
}

// Option sets up a [Client].
type Option func(*Client)

// WithAPIKey sends key as "Authorization: Bearer <key>" with every request.
func WithAPIKey(key string) Option { return func(c *Client) { c.apiKey = key } }

// WithHTTPClient makes requests with h. Its Timeout bounds each attempt, except for streams, imports and exports, which
// have none. Without a CheckRedirect of its own, redirections are followed for reads alone.
func WithHTTPClient(h *http.Client) Option { return func(c *Client) { c.http = h } }

// APIVersion is the version of the API that this package is written for. Each request names it, so that the types of
// this package fit whatever the key has.
const APIVersion = "2026-11-27"

// WithAPIVersion names another version of the API. The types of this package are those of [APIVersion].
func WithAPIVersion(version string) Option { return func(c *Client) { c.version = version } }

// WithUserAgent sends agent as the User-Agent.
func WithUserAgent(agent string) Option { return func(c *Client) { c.userAgent = agent } }

// WithRetry replaces the default [Retry].
func WithRetry(r Retry) Option { return func(c *Client) { c.retry = r.withDefaults() } }
