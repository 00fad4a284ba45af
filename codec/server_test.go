package codec_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/orderloom/orderloom/codec"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

const (
	webUI = "https://temporal.example.com"
	token = "a-token-for-development"
)

// testServer is a codec server with a static token and a log.
type testServer struct {
	codec *codec.Codec
	url   string
	log   *bytes.Buffer
}

func newServer(t *testing.T, change func(*codec.ServerOptions)) *testServer {
	t.Helper()
	s := &testServer{codec: newCodec(t, key("k1", 1)), log: &bytes.Buffer{}}
	o := codec.ServerOptions{Origins: []string{webUI}, Token: token, Logger: slog.New(slog.NewTextHandler(s.log, nil))}
	if change != nil {
		change(&o)
	}
	h, err := codec.NewHandler(t.Context(), s.codec, o)
	require.NoError(t, err)
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

// send asks the server; headers come in pairs.
func (s *testServer) send(t *testing.T, method, path string, body []byte, headers ...string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.url+path, bytes.NewReader(body))
	require.NoError(t, err)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	t.Cleanup(func() { _ = resp.Body.Close() })
	return resp
}

func body(t *testing.T, payloads ...*commonpb.Payload) []byte {
	t.Helper()
	b, err := protojson.Marshal(&commonpb.Payloads{Payloads: payloads})
	require.NoError(t, err)
	return b
}

// The SDK's own remote codec is what temporal and tctl use.
func TestRemoteCodec(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	remote := converter.NewRemotePayloadCodec(converter.RemotePayloadCodecOptions{
		Endpoint: s.url, ModifyRequest: func(r *http.Request) error { r.Header.Set("Authorization", "Bearer "+token); return nil },
	})
	plain := []*commonpb.Payload{payload(t, "one"), payload(t, strings.Repeat("two ", 2000))}
	sealed, err := remote.Encode(plain)
	require.NoError(t, err)
	require.Equal(t, codec.Encoding, string(sealed[0].Metadata["encoding"]))
	back, err := remote.Decode(sealed)
	require.NoError(t, err)
	for i := range plain {
		require.True(t, proto.Equal(plain[i], back[i]))
	}
	require.Empty(t, s.log.String(), "what goes well is not logged")
}

func TestUndecipherablePayloadsDoNotHideTheOthers(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	foreign := encode(t, newCodec(t, key("k9", 9)), payload(t, "forgotten"))
	resp := s.send(t, http.MethodPost, "/decode", body(t, foreign, encode(t, s.codec, payload(t, "known"))), "Authorization", "Bearer "+token)
	require.Equal(t, http.StatusOK, resp.StatusCode)
	var got struct{ Payloads []struct{ Data []byte } }
	require.NoError(t, json.NewDecoder(resp.Body).Decode(&got))
	require.Equal(t, foreign.Data, got.Payloads[0].Data)
	require.Equal(t, `"known"`, string(got.Payloads[1].Data))
}

func TestServerRefuses(t *testing.T) {
	t.Parallel()
	bearer := []string{"Authorization", "Bearer " + token}
	for name, c := range map[string]struct {
		method, path string
		body         []byte
		headers      []string
		status       int
	}{
		"no token":             {http.MethodPost, "/decode", []byte("{}"), nil, http.StatusUnauthorized},
		"a wrong token":        {http.MethodPost, "/decode", []byte("{}"), []string{"Authorization", "Bearer wrong"}, http.StatusUnauthorized},
		"another scheme":       {http.MethodPost, "/decode", []byte("{}"), []string{"Authorization", "Basic " + token}, http.StatusUnauthorized},
		"a wrong token's path": {http.MethodPost, "/wrong/decode", []byte("{}"), nil, http.StatusUnauthorized},
		"another origin":       {http.MethodPost, "/decode", []byte("{}"), append([]string{"Origin", "https://evil.example"}, bearer...), http.StatusForbidden},
		"an origin like ours":  {http.MethodOptions, "/decode", nil, []string{"Origin", webUI + ".evil.example"}, http.StatusForbidden},
		"the null origin":      {http.MethodOptions, "/decode", nil, []string{"Origin", "null"}, http.StatusForbidden},
		"another path":         {http.MethodPost, "/transcode", []byte("{}"), bearer, http.StatusNotFound},
		"another method":       {http.MethodGet, "/decode", nil, bearer, http.StatusMethodNotAllowed},
		"no JSON":              {http.MethodPost, "/decode", []byte("nonsense"), bearer, http.StatusBadRequest},
		"a null payload":       {http.MethodPost, "/decode", []byte(`{"payloads":[null]}`), bearer, http.StatusBadRequest},
		"a large body":         {http.MethodPost, "/encode", make([]byte, 9<<20), bearer, http.StatusRequestEntityTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t, nil)
			resp := s.send(t, c.method, c.path, c.body, c.headers...)
			require.Equal(t, c.status, resp.StatusCode)
			require.NotContains(t, s.log.String(), token)
			require.NotContains(t, s.log.String(), "wrong")
		})
	}
}

func TestAnswersAreBounded(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	bomb := encode(t, s.codec, &commonpb.Payload{Data: make([]byte, codec.PayloadBytesMax-5)})
	require.Less(t, len(bomb.Data), 10_000)
	many := make([]*commonpb.Payload, 20)
	for i := range many {
		many[i] = bomb
	}
	resp := s.send(t, http.MethodPost, "/decode", body(t, many...), "Authorization", "Bearer "+token)
	require.Equal(t, http.StatusBadRequest, resp.StatusCode)
}

func TestBrowserOfTheWebUI(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	preflight := s.send(t, http.MethodOptions, "/decode?preserveStorageRefs=true", nil, "Origin", webUI,
		"Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "authorization,authorization-extras,content-type,x-namespace")
	require.Equal(t, http.StatusNoContent, preflight.StatusCode)
	require.Equal(t, webUI, preflight.Header.Get("Access-Control-Allow-Origin"))
	require.Equal(t, "POST", preflight.Header.Get("Access-Control-Allow-Methods"))
	for _, name := range []string{"Authorization", "Authorization-Extras", "Content-Type", "X-Namespace"} {
		require.Contains(t, preflight.Header.Get("Access-Control-Allow-Headers"), name)
	}
	require.Equal(t, "Origin", preflight.Header.Get("Vary"))

	resp := s.send(t, http.MethodPost, "/decode?preserveStorageRefs=true", body(t, encode(t, s.codec, payload(t, "hello"))),
		"Origin", webUI, "Authorization", "Bearer "+token, "X-Namespace", "orderloom")
	require.Equal(t, http.StatusOK, resp.StatusCode)
	require.Equal(t, webUI, resp.Header.Get("Access-Control-Allow-Origin"))
	require.Equal(t, "no-store", resp.Header.Get("Cache-Control"))
}

func TestAWebUIWithoutLoginSendsTheTokenInThePath(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	resp := s.send(t, http.MethodPost, "/"+token+"/decode", body(t), "Origin", webUI)
	require.Equal(t, http.StatusOK, resp.StatusCode)
}

func TestHealthNeedsNoToken(t *testing.T) {
	t.Parallel()
	require.Equal(t, http.StatusOK, newServer(t, nil).send(t, http.MethodGet, "/health", nil).StatusCode)
}

func TestServerNeedsAuthentication(t *testing.T) {
	t.Parallel()
	c := newCodec(t, key("k1", 1))
	for name, o := range map[string]codec.ServerOptions{
		"nothing":       {},
		"a short token": {Token: "short"},
		"no audience":   {Issuer: "https://issuer.example"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := codec.NewHandler(t.Context(), c, o)
			require.Error(t, err, name)
		})
	}
}

func TestAccessTokensOfAnIssuer(t *testing.T) {
	t.Parallel()
	issuer := newIssuer(t)
	s := newServer(t, func(o *codec.ServerOptions) { o.Token, o.Issuer, o.Audience = "", issuer.url, "orderloom-codec" })
	decode := func(token string) int {
		return s.send(t, http.MethodPost, "/decode", body(t), "Authorization", "Bearer "+token).StatusCode
	}
	claims := func(change func(map[string]any)) map[string]any {
		m := map[string]any{"iss": issuer.url, "sub": "ada", "aud": []string{"orderloom-codec"}, "exp": time.Now().Add(time.Minute).Unix()}
		if change != nil {
			change(m)
		}
		return m
	}
	require.Equal(t, http.StatusOK, decode(issuer.sign(t, issuer.key, "RS256", claims(nil))))

	other, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	for name, token := range map[string]string{
		"expired":           issuer.sign(t, issuer.key, "RS256", claims(func(m map[string]any) { m["exp"] = time.Now().Add(-time.Minute).Unix() })),
		"another audience":  issuer.sign(t, issuer.key, "RS256", claims(func(m map[string]any) { m["aud"] = "shop" })),
		"another issuer":    issuer.sign(t, issuer.key, "RS256", claims(func(m map[string]any) { m["iss"] = "https://evil.example" })),
		"another key":       issuer.sign(t, other, "RS256", claims(nil)),
		"no signature":      issuer.sign(t, nil, "none", claims(nil)),
		"nonsense":          "nonsense",
		"nothing":           "",
		"the path's prefix": token,
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, http.StatusUnauthorized, decode(token), name)
		})
	}
}

// issuer is an OpenID Connect issuer with one key.
type issuer struct {
	url string
	key *rsa.PrivateKey
}

func newIssuer(t *testing.T) *issuer {
	t.Helper()
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	answer := func(v any) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(w).Encode(v)
		}
	}
	mux.Handle("GET /.well-known/openid-configuration", answer(map[string]any{
		"issuer": server.URL, "jwks_uri": server.URL + "/keys", "id_token_signing_alg_values_supported": []string{"RS256"},
		"authorization_endpoint": server.URL + "/auth", "token_endpoint": server.URL + "/token",
	}))
	mux.Handle("GET /keys", answer(map[string]any{"keys": []any{map[string]any{
		"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "one",
		"n": base64.RawURLEncoding.EncodeToString(private.N.Bytes()),
		"e": base64.RawURLEncoding.EncodeToString(big.NewInt(int64(private.E)).Bytes()),
	}}}))
	return &issuer{url: server.URL, key: private}
}

func (i *issuer) sign(t *testing.T, private *rsa.PrivateKey, algorithm string, claims map[string]any) string {
	t.Helper()
	part := func(v any) string {
		b, err := json.Marshal(v)
		require.NoError(t, err)
		return base64.RawURLEncoding.EncodeToString(b)
	}
	signed := part(map[string]any{"alg": algorithm, "kid": "one", "typ": "at+jwt"}) + "." + part(claims)
	if private == nil {
		return signed + "."
	}
	sum := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(rand.Reader, private, crypto.SHA256, sum[:])
	require.NoError(t, err)
	return signed + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func TestServeStopsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	c := newCodec(t, key("k1", 1))
	listening, ended := make(chan net.Addr, 1), make(chan error, 1)
	go func() {
		ended <- codec.Serve(ctx, c, codec.ServerOptions{
			Address: "127.0.0.1:0", Token: token, Logger: slog.New(slog.DiscardHandler), Listening: func(a net.Addr) { listening <- a },
		})
	}()
	s := &testServer{url: "http://" + (<-listening).String()}
	require.Equal(t, http.StatusOK, s.send(t, http.MethodGet, "/health", nil).StatusCode)
	stop()
	require.NoError(t, <-ended)
}

func TestTheCodecServerCountsWhatItRefuses(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	s := newServer(t, func(o *codec.ServerOptions) {
		o.Registerer, o.Metrics = registry, promhttp.HandlerFor(registry, promhttp.HandlerOpts{})
	})
	require.Equal(t, http.StatusUnauthorized, s.send(t, http.MethodPost, "/decode", body(t)).StatusCode)
	told := s.send(t, http.MethodGet, "/metrics", nil)
	text, err := io.ReadAll(told.Body)
	require.NoError(t, err)
	require.Contains(t, string(text), `orderloom_codec_requests_refused_total{status="401"} 1`)
	require.Contains(t, string(text), `orderloom_codec_requests_in_flight 0`)
}
