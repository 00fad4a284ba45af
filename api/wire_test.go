package api

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/orderloom/orderloom/access"
	"github.com/stretchr/testify/require"
)

// wired is an answer to what was sent byte for byte.
type wired struct {
	status int
	header http.Header
	body   string
}

// wire sends bytes over a connection of its own, and returns the first answers.
func wire(t *testing.T, address, text string, answers int) []wired {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	require.NoError(t, conn.SetDeadline(time.Now().Add(10*time.Second)))
	_, err = io.WriteString(conn, text)
	require.NoError(t, err)
	reader := bufio.NewReader(conn)
	method, _, _ := strings.Cut(text, " ")
	var all []wired
	for range answers {
		w, err := http.ReadResponse(reader, &http.Request{Method: method})
		require.NoError(t, err, text)
		body, err := io.ReadAll(w.Body)
		require.NoError(t, err)
		require.NoError(t, w.Body.Close())
		all = append(all, wired{w.StatusCode, w.Header, string(body)})
	}
	return all
}

var addresses atomic.Uint32

// elsewhere is the header of a request from an address that nobody has called from, so that none has failed too often.
func elsewhere() string {
	n := addresses.Add(1)
	return fmt.Sprintf("X-Forwarded-For: 203.0.%d.%d\r\n", n>>8&0xff, n&0xff)
}

// marketsOrder is a platform with an order that belongs to the account market, at an address of its own.
func marketsOrder(t *testing.T) (b *testBundle, address string) {
	t.Helper()
	b = setup(t, func(o *Options) {
		o.Authenticator = callers{
			"shop":   {Account: "shop", ID: "k-shop", Role: access.Storefront, Scopes: access.Storefront.Scopes()},
			"market": {Account: "market", ID: "k-market", Role: access.Storefront, Scopes: access.Storefront.Scopes()},
		}
		o.Proxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
		o.Metrics = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "secret_metric 1") })
	})
	b.ownedOrder(t, "market", "web", "cust-1")
	return b, b.serve(t)
}

// However a path is written, it leads nobody past the check of their key, or to an order of somebody else.
func TestNoFormOfAPathLeadsPastTheChecks(t *testing.T) {
	t.Parallel()
	b, address := marketsOrder(t)
	id := someOrder.String()
	for _, path := range []string{
		"/api/v1/orders/" + id, "http://" + address + "/api/v1/orders/" + id, "http://evil.example/api/v1/orders/" + id,
		"//api/v1/orders/" + id, "/api//v1/orders/" + id, "/api/v1/orders//" + id, "/api/v1/orders/" + id + "/", "/api/v1/orders/./" + id,
		"/api/v1/orders/x/../" + id, "/docs/../api/v1/orders/" + id, "/health/../api/v1/orders/" + id, "/health/%2e%2e/api/v1/orders/" + id,
		"/health%2f..%2fapi/v1/orders/" + id, "/health;/../api/v1/orders/" + id, "/problems/%2e%2e%2fapi%2fv1%2forders%2f" + id,
		"/api/v1/orders/" + id + "%00", "/api/v1/orders/%00" + id, "/api/v1/orders/" + id + "%2f", "/api/v1/orders/" + id + "%2fcancel",
		"/api/v1/orders/" + id + "?order_id=" + id, "/api/v1/orders/" + id + "%3f", "/api/v1/orders/" + id + ".json", "/API/V1/ORDERS/" + id,
		"/api/v1/Orders/" + strings.ToUpper(id), "/api/v1/orders/{" + id + "}", "/api/v1/orders/urn:uuid:" + id, "/%61pi/v1/orders/" + id,
		"/api/v1/orders/" + strings.ReplaceAll(id, "-", ""), "/metrics", "/metrics/", "//metrics", "/%6detrics", "/metrics%2f", "/METRICS", "/health/../metrics",
	} {
		for _, method := range []string{"GET", "HEAD", "POST", "OPTIONS"} {
			for who, credential := range map[string]string{"nobody": "", "another account": "Authorization: Bearer shop\r\n"} {
				w := wire(t, address, method+" "+path+" HTTP/1.1\r\nHost: api\r\nContent-Length: 0\r\n"+elsewhere()+credential+"\r\n", 1)[0]
				if method != "OPTIONS" {
					require.GreaterOrEqual(t, w.status, 400, "%s %s by %s: %s", method, path, who, w.body)
				}
				require.Less(t, w.status, 500, "%s %s by %s: %s", method, path, who, w.body)
				for _, secret := range []string{"cust-1", "secret_metric", "shipping_address"} {
					require.NotContains(t, w.body, secret, "%s %s by %s", method, path, who)
				}
				require.Empty(t, w.header.Get("ETag"), "%s %s by %s", method, path, who)
			}
		}
	}
	require.True(t, b.untouched())
	require.Equal(t, http.StatusOK, wire(t, address, "GET /api/v1/orders/"+id+" HTTP/1.1\r\nHost: api\r\nAuthorization: Bearer market\r\n\r\n", 1)[0].status,
		"its own account sees it")
}

// A request that could be understood in two ways is understood in none, or as whoever stands before the API has to.
func TestARequestMeansOneThing(t *testing.T) {
	t.Parallel()
	b, address := marketsOrder(t)
	get := "GET /api/v1/orders/" + someOrder.String() + " HTTP/1.1\r\nHost: api\r\n"
	post := "POST /api/v1/orders HTTP/1.1\r\nHost: api\r\nContent-Type: application/json\r\nAuthorization: Bearer market\r\n"
	for name, c := range map[string]struct {
		text   string
		status int
	}{
		"two credentials, the good one first":   {get + "Authorization: Bearer market\r\nAuthorization: Bearer shop\r\n\r\n", 401},
		"two credentials, the good one last":    {get + "Authorization: Bearer shop\r\nAuthorization: Bearer market\r\n\r\n", 401},
		"two credentials in one":                {get + "Authorization: Bearer shop, Bearer market\r\n\r\n", 401},
		"a folded credential":                   {get + "Authorization: Bearer\r\n market x\r\n\r\n", 401},
		"a space before the colon":              {get + "Authorization : Bearer market\r\n\r\n", 400},
		"another scheme":                        {get + "Authorization: Basic market\r\n\r\n", 401},
		"an invented role":                      {get + "Authorization: Bearer shop\r\nX-Account: market\r\nX-Original-URL: /health\r\n\r\n", 404},
		"another path by a header":              {"GET /health HTTP/1.1\r\nHost: api\r\nX-Original-URL: /metrics\r\nX-Rewrite-URL: /metrics\r\n\r\n", 200},
		"another method by a header":            {get + "Authorization: Bearer market\r\nX-HTTP-Method-Override: POST\r\n\r\n", 200},
		"two lengths":                           {post + "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}x", 400},
		"two lengths in one":                    {post + "Content-Length: 2, 3\r\n\r\n{}x", 400},
		"a length with a sign":                  {post + "Content-Length: +2\r\n\r\n{}", 400},
		"an unknown transfer encoding":          {post + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 501},
		"two transfer encodings":                {post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n", 501},
		"a transfer encoding in HTTP/1.0":       {strings.Replace(post, "HTTP/1.1", "HTTP/1.0", 1) + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
		"HTTP/1.0 without a key":                {"GET /api/v1/orders HTTP/1.0\r\n\r\n", 401},
		"no host":                               {"GET /health HTTP/1.1\r\n\r\n", 400},
		"two hosts":                             {"GET /health HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
		"a version that is none":                {"GET /api/v1/orders HTTP/9.9\r\nHost: api\r\n\r\n", 505},
		"a line break in a header, by its name": {get + "X-A\rAuthorization: Bearer market\r\n\r\n", 400},
	} {
		w := wire(t, address, c.text, 1)[0]
		require.Equal(t, c.status, w.status, "%s: %s", name, w.body)
	}
	require.True(t, b.untouched())
}

// Where a body has a length as well as chunks, the chunks count (RFC 9112, section 6.3). What stands behind them is the
// next request, with a credential of its own.
func TestAHiddenRequestNeedsItsOwnKey(t *testing.T) {
	t.Parallel()
	_, address := marketsOrder(t)
	hidden := "GET /api/v1/orders/" + someOrder.String() + " HTTP/1.1\r\nHost: api\r\n\r\n"
	answers := wire(t, address, "POST /api/v1/orders/search HTTP/1.1\r\nHost: api\r\nContent-Type: application/json\r\nAuthorization: Bearer market\r\n"+
		"Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"+hidden, 2)
	require.Equal(t, http.StatusBadRequest, answers[0].status, answers[0].body)
	require.Equal(t, http.StatusUnauthorized, answers[1].status)
}

// HEAD tells no more than GET, and OPTIONS no more than what a path is served for.
func TestHeadAndOptionsTellNothingOfOthers(t *testing.T) {
	t.Parallel()
	_, address := marketsOrder(t)
	walked := 0
	for _, name := range contract().Operations() {
		method, template, _ := strings.Cut(name, " ")
		if contract().Scopes(name) == 0 {
			continue
		}
		for who, status := range map[string]int{"": http.StatusUnauthorized, "wrong": http.StatusUnauthorized, "shop": 0} {
			credential := ""
			if who != "" {
				credential = "Authorization: Bearer " + who + "\r\n"
			}
			options := wire(t, address, "OPTIONS "+pathOf(template)+" HTTP/1.1\r\nHost: api\r\n"+elsewhere()+credential+"\r\n", 1)[0]
			require.Contains(t, []int{http.StatusNoContent, http.StatusNotFound}, options.status, name)
			require.Empty(t, options.body, name)
			if method != http.MethodGet || strings.HasSuffix(template, "/stream") {
				continue
			}
			walked++
			head := wire(t, address, "HEAD "+pathOf(template)+" HTTP/1.1\r\nHost: api\r\n"+elsewhere()+credential+"\r\n", 1)[0]
			require.Empty(t, head.body)
			switch {
			case status != 0 && head.status != http.StatusNotFound: // that is a route which this platform leaves out
				require.Equal(t, status, head.status, name)
			case strings.Contains(template, orderParameter):
				require.Equal(t, http.StatusNotFound, head.status, name)
				require.Empty(t, head.header.Get("ETag"))
			}
		}
	}
	require.Greater(t, walked, 30)
}
