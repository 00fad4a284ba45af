package webhooks_test

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/access"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/feed"
	"github.com/orderloom/orderloom/privacy"
	"github.com/orderloom/orderloom/webhooks"
	"github.com/stretchr/testify/require"
)

func TestWrongSettingsAreNamed(t *testing.T) {
	t.Parallel()
	good := webhooks.Settings{Name: "n", URL: "https://shop.example.com/hooks", Payload: webhooks.Snapshot, PayloadVersion: newestVersion}
	require.NoError(t, good.Check(webhooks.Rules{}))
	for field, change := range map[string]func(*webhooks.Settings){
		"name":            func(s *webhooks.Settings) { s.Name = "" },
		"types[0]":        func(s *webhooks.Settings) { s.Types = []string{"OrderTeleported"} },
		"channel":         func(s *webhooks.Settings) { s.Channel = " web" },
		"payload":         func(s *webhooks.Settings) { s.Payload = "fat" },
		"payload_version": func(s *webhooks.Settings) { s.PayloadVersion = "2020-01-01" },
		"personal":        func(s *webhooks.Settings) { s.Personal, s.Payload = true, webhooks.Thin },
	} {
		s := good
		change(&s)
		require.ErrorContains(t, s.Check(webhooks.Rules{Versions: versions{}}), field)
	}
	for _, url := range []string{
		"", "shop", "http://shop.example.com", "ftp://shop.example.com", "https://", "https://ann:secret@shop.example.com", "https://shop.example.com/#a",
		"https://127.0.0.1/", "https://[::1]/", "https://[::ffff:10.0.0.1]/", "https://169.254.169.254/latest", "https://localhost/", "https://a.localhost./",
		"https://shop.example.com/" + strings.Repeat("a", 2000), "https:shop.example.com",
		"https://shop.example.com:0/", "https://shop.example.com:65536/", "https://shop.example.com:/", "https://.", "https://a..b/", "https://.a.b/",
		"https://" + strings.Repeat("a", 64) + ".example.com/", "https://127.1/", "https://2130706433/", "https://0x7f000001/", "https://0x7f.1/",
		"https://0177.0.0.01/", "https://127.0.0.1./", "https://1.2.3.4.5/", "https://10.0.0.0x1./", "https://127。0。0。1/", "https://127.0.0.１/",
		"https://①②⑦.1/", "https://ｌocalhost/", "https://0Ｘ7f000001/", "https://a。。b/", "https://%EF%BC%91%EF%BC%90.0.0.1/", "https://[fe80::1%25eth0]/",
	} {
		s := good
		s.URL = url
		require.ErrorContains(t, s.Check(webhooks.Rules{}), "url", url)
	}
	for _, url := range []string{"https://shop.example.com./hooks", "https://1.example.com:65535/?a=b", "https://bücher.example/", "https://a.0xyz.example/", "https://8.8.8.8/"} {
		s := good
		s.URL = url
		require.NoError(t, s.Check(webhooks.Rules{}), url)
	}
	s := good
	s.URL = "http://127.0.0.1:8080/hooks"
	require.NoError(t, s.Check(webhooks.Rules{Private: true}))
	for _, headers := range []map[string]string{
		{"webhook-id": "x"},
		{"Content-Type": "x"},
		{"a b": "x"},
		{"a": "x\r\nb: c"},
		{"a": strings.Repeat("a", 1001)},
		{"host": "x"},
		{"Authorization": "a", "authorization": "b"},
		{"proxy-authorization": "x"},
	} {
		s := good
		s.Headers = headers
		require.ErrorContains(t, s.Check(webhooks.Rules{}), "headers")
	}
}

func TestAnEndpointBelongsToItsAccount(t *testing.T) {
	t.Parallel()
	b := setup(t)
	e, _ := b.endpoint(t, "https://shop.example.com")
	ctx, stranger := t.Context(), keyOf(access.Admin, "market")
	settings := webhooks.Settings{Name: "n", URL: "https://a.example.com", Payload: webhooks.Thin, PayloadVersion: newestVersion}
	for _, call := range []func() error{
		func() error { _, err := b.table.Get(ctx, "market", e.EndpointID); return err },
		func() error { _, err := b.table.Change(ctx, e.EndpointID, settings, stranger); return err },
		func() error {
			_, _, err := b.table.Rotate(ctx, webhooks.Rotation{EndpointID: e.EndpointID, RequestID: uuid.New(), By: stranger})
			return err
		},
		func() error { _, err := b.table.Disable(ctx, "market", e.EndpointID); return err },
		func() error { _, err := b.table.Enable(ctx, "market", e.EndpointID, ""); return err },
		func() error { return b.table.Test(ctx, "market", e.EndpointID, uuid.New()) },
		func() error {
			return b.table.Resend(ctx, "market", webhooks.Resend{EndpointID: e.EndpointID, Undelivered: true})
		},
		func() error { _, err := b.table.Held(ctx, "market", e.EndpointID); return err },
		func() error { return b.table.Delete(ctx, "market", e.EndpointID) },
		func() error {
			_, _, err := b.table.Deliveries(ctx, "market", webhooks.LogQuery{EndpointID: e.EndpointID})
			return err
		},
	} {
		require.Equal(t, domain.CodeNotFound, domain.Code(call()))
	}
	mine, err := b.table.List(ctx, "shop")
	require.NoError(t, err)
	require.Len(t, mine, 1)
	theirs, err := b.table.List(ctx, "market")
	require.NoError(t, err)
	require.Empty(t, theirs)
	require.NoError(t, b.table.Delete(ctx, "shop", e.EndpointID))
	require.Equal(t, domain.CodeNotFound, domain.Code(b.table.Delete(ctx, "shop", e.EndpointID)))
	_, err = b.table.Get(ctx, "shop", e.EndpointID)
	require.Equal(t, domain.CodeNotFound, domain.Code(err))
}

// Fails where a caller of the account knows of an endpoint that sends what the caller must not see.
func TestAnEndpointIsSeenByThoseWhoSeeAllThatItSends(t *testing.T) {
	t.Parallel()
	b := setup(t)
	shop, web, all := keyOf(access.Storefront, "shop"), keyOf(access.Storefront, "shop", "web"), keyOf(access.Admin, "shop")
	anonymous := keyOf(access.Storefront, "shop")
	anonymous.Scopes = anonymous.Scopes.Without(access.ScopesOf(access.PersonalRead, access.StockRead))
	callers := map[string]*access.Caller{"shop": shop, "web": web, "all": all, "anonymous": anonymous}
	for name, c := range map[string]struct {
		by     *access.Caller
		change func(n *webhooks.NewEndpoint)
		seenBy []string
	}{
		"of all accounts":       {all, func(*webhooks.NewEndpoint) {}, []string{"all"}},
		"of the account":        {shop, func(*webhooks.NewEndpoint) {}, []string{"all", "anonymous", "shop"}},
		"with personal data":    {shop, func(n *webhooks.NewEndpoint) { n.Personal = true }, []string{"all", "shop"}},
		"of a channel's key":    {web, func(*webhooks.NewEndpoint) {}, []string{"all", "anonymous", "shop", "web"}},
		"of a channel":          {shop, func(n *webhooks.NewEndpoint) { n.Channel = "web" }, []string{"all", "anonymous", "shop", "web"}},
		"of another channel":    {shop, func(n *webhooks.NewEndpoint) { n.Channel = "pos" }, []string{"all", "anonymous", "shop"}},
		"of all, and a channel": {all, func(n *webhooks.NewEndpoint) { n.Channel = "web" }, []string{"all"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, _ := b.endpoint(t, "https://shop.example.com", func(n *webhooks.NewEndpoint) { n.Caller = c.by; c.change(n) })
			seenBy := []string{}
			for name, caller := range callers {
				if e.SeenBy(caller) {
					seenBy = append(seenBy, name)
				}
			}
			slices.Sort(seenBy)
			require.Equal(t, c.seenBy, seenBy)
		})
	}
}

// Fails where the headers of an endpoint, which are never shown, are sent to whatever host it is moved to.
func TestHeadersAreNotSentToAnotherHost(t *testing.T) {
	t.Parallel()
	b := setup(t)
	e, _ := b.endpoint(t, "https://shop.example.com/a", func(n *webhooks.NewEndpoint) { n.Headers = map[string]string{"Authorization": "hush"} })
	change := func(url string, headers map[string]string) (webhooks.Endpoint, error) {
		s := webhooks.Settings{Name: "n", URL: url, Payload: webhooks.Thin, PayloadVersion: newestVersion, Headers: headers}
		return b.table.Change(t.Context(), e.EndpointID, s, keyOf(access.Admin, "shop"))
	}
	for _, other := range []string{"https://evil.example.com/a", "https://shop.example.com:8443/a"} {
		_, err := change(other, nil)
		require.ErrorContains(t, err, "headers")
		require.Equal(t, domain.CodeInvalid, domain.Code(err))
	}
	changed, err := change("https://SHOP.example.com/b", nil)
	require.NoError(t, err)
	require.Equal(t, []string{"Authorization"}, changed.HeaderNames)
	changed, err = change("https://other.example.com/b", map[string]string{})
	require.NoError(t, err)
	require.Empty(t, changed.HeaderNames)
	_, err = change("https://shop.example.com/b", nil)
	require.NoError(t, err)
}

func TestARequestThatComesAgainMakesNothingTwice(t *testing.T) {
	t.Parallel()
	b := setup(t)
	n := webhooks.NewEndpoint{
		EndpointID: uuid.New(), RequestHash: "hash", Signature: webhooks.V1, Caller: keyOf(access.Storefront, "shop"),
		Settings: webhooks.Settings{Name: "n", URL: "https://a.example.com", Payload: webhooks.Thin, PayloadVersion: newestVersion},
	}
	made, secret, err := b.table.Create(t.Context(), n)
	require.NoError(t, err)
	require.NotEmpty(t, secret)
	again, none, err := b.table.Create(t.Context(), n)
	require.NoError(t, err)
	require.Empty(t, none)
	require.Equal(t, made.EndpointID, again.EndpointID)
	n.RequestHash = "other"
	_, _, err = b.table.Create(t.Context(), n)
	require.Equal(t, domain.CodeIdempotencyKeyReused, domain.Code(err))
	r := webhooks.Rotation{EndpointID: made.EndpointID, RequestID: uuid.New(), Overlap: time.Minute, By: n.Caller}
	_, other, err := b.table.Rotate(t.Context(), r)
	require.NoError(t, err)
	require.NotEqual(t, secret, other)
	_, none, err = b.table.Rotate(t.Context(), r)
	require.NoError(t, err)
	require.Empty(t, none)
	r.Overlap = webhooks.OverlapMax + time.Second
	_, _, err = b.table.Rotate(t.Context(), r)
	require.Equal(t, domain.CodeInvalid, domain.Code(err))
}

func TestAnEndpointSendsNoMoreThanItsMakerMaySee(t *testing.T) {
	t.Parallel()
	b := setup(t)
	n := webhooks.NewEndpoint{
		EndpointID: uuid.New(), Signature: webhooks.V1,
		Caller:   &access.Caller{Account: "shop", Scopes: access.ScopesOf(access.WebhooksWrite)},
		Settings: webhooks.Settings{Name: "n", URL: "https://a.example.com", Payload: webhooks.Snapshot, PayloadVersion: newestVersion},
	}
	_, _, err := b.table.Create(t.Context(), n)
	require.Equal(t, access.CodeForbidden, domain.Code(err))
	n.Caller.Scopes |= access.ScopesOf(access.OrdersRead)
	_, _, err = b.table.Create(t.Context(), n)
	require.NoError(t, err)
	n.EndpointID, n.Personal = uuid.New(), true
	_, _, err = b.table.Create(t.Context(), n)
	require.Equal(t, access.CodeForbidden, domain.Code(err))
}

func TestAnAccountHasSoManyEndpointsAtMost(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for i := range webhooks.EndpointsMax {
		b.endpoint(t, fmt.Sprintf("https://a.example.com/%d", i))
	}
	_, _, err := b.table.Create(t.Context(), webhooks.NewEndpoint{
		EndpointID: uuid.New(), Signature: webhooks.V1, Caller: keyOf(access.Admin, "shop"),
		Settings: webhooks.Settings{Name: "n", URL: "https://a.example.com", Payload: webhooks.Thin, PayloadVersion: newestVersion},
	})
	require.Equal(t, webhooks.CodeTooManyEndpoints, domain.Code(err))
}

// A range ends after it begins.
func TestARangeThatEndsBeforeItBeginsIsRefused(t *testing.T) {
	t.Parallel()
	b, id := setup(t), uuid.New()
	b.note(t, "shop", "web", id, 1, 2)
	page, err := b.feed.Page(t.Context(), feed.Query{Caller: access.Anyone})
	require.NoError(t, err)
	first, second := page.Events[0].Cursor, page.Events[1].Cursor
	require.NoError(t, (&webhooks.Resend{From: first, Until: second}).Check())
	for _, r := range []webhooks.Resend{{From: second, Until: first}, {From: first, Until: first}} {
		require.ErrorContains(t, r.Check(), "until_cursor")
	}
}

// Who asks for what the endpoint can't send is told.
func TestEventsThatCannotBeSentAgainAreNamed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.note(t, "market", "web", uuid.New(), 1, 1)
	b.note(t, "shop", "web", uuid.New(), 1, 1)
	page, err := b.feed.Page(t.Context(), feed.Query{Caller: access.Anyone})
	require.NoError(t, err)
	theirs, ours := page.Events[0], page.Events[1]
	e, _ := b.endpoint(t, "https://shop.example.com", func(n *webhooks.NewEndpoint) { n.Caller = keyOf(access.Storefront, "shop") })
	check := func(r webhooks.Resend) error { return r.CheckEvents(t.Context(), &e, b.feed) }
	require.NoError(t, check(webhooks.Resend{EventIDs: []uuid.UUID{ours.EventID}}))
	require.NoError(t, check(webhooks.Resend{From: ours.Cursor}))
	require.NoError(t, check(webhooks.Resend{Undelivered: true}))
	for field, r := range map[string]webhooks.Resend{
		"event_ids[1]": {EventIDs: []uuid.UUID{ours.EventID, theirs.EventID}}, "event_ids[0]": {EventIDs: []uuid.UUID{uuid.New()}},
		"from_cursor": {From: foreign(t, ours.Cursor)},
	} {
		err := check(r)
		require.Equal(t, domain.CodeInvalid, domain.Code(err), field)
		require.ErrorContains(t, err, field)
	}
}

// A range whose cursor belongs to another store is dropped, and holds up nothing.
func TestARangeOfALostCursorIsDropped(t *testing.T) {
	t.Parallel()
	b, r := setup(t), newReceiver(t, nil)
	e, _ := b.endpoint(t, r.URL)
	b.note(t, "shop", "web", uuid.New(), 1, 2)
	page, err := b.feed.Page(t.Context(), feed.Query{Caller: access.Anyone, Limit: 1})
	require.NoError(t, err)
	require.NoError(t, b.table.Resend(t.Context(), "shop", webhooks.Resend{EndpointID: e.EndpointID, RequestID: uuid.New(), From: foreign(t, page.Next)}))
	b.deliver(t)
	r.await(t, 2)
	require.Eventually(t, func() bool {
		var lanes int
		require.NoError(t, b.pool.QueryRow(t.Context(), `SELECT count(*) FROM orderloom.webhook_lanes`).Scan(&lanes))
		return lanes == 0
	}, patience, 10*time.Millisecond)
}

// foreign is a cursor of another store at the same place.
func foreign(t testing.TB, cursor string) string {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(cursor)
	require.NoError(t, err)
	b[1] ^= 1 // the store's id begins there
	return base64.RawURLEncoding.EncodeToString(b)
}

// A copy of the database has neither secrets nor headers in the clear.
func TestSecretsAndHeadersAreSealed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	keys, err := privacy.NewMasterKeys(privacy.MasterKey{ID: "k", Key: make([]byte, 32)})
	require.NoError(t, err)
	b.table = webhooks.NewTable(b.pool, privacy.NewVault(b.pool, keys, privacy.Options{}), webhooks.Rules{})
	e, secret := b.endpoint(t, "https://shop.example.com", func(n *webhooks.NewEndpoint) { n.Headers = map[string]string{"authorization": "Bearer hush"} })
	_, other, err := b.table.Rotate(t.Context(), webhooks.Rotation{EndpointID: e.EndpointID, RequestID: uuid.New(), By: keyOf(access.Admin, "shop")})
	require.NoError(t, err)
	var row string
	require.NoError(t, b.pool.QueryRow(t.Context(), `SELECT e::text || encode(sealed_data, 'escape') FROM orderloom.webhook_endpoints e`).Scan(&row))
	for _, hidden := range []string{"hush", strings.TrimPrefix(secret, "whsec_"), strings.TrimPrefix(other, "whsec_")} {
		require.NotContains(t, row, hidden)
	}
	require.Contains(t, row, "Authorization")
}
