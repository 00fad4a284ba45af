package codec

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/orderloom/orderloom/internal/drain"
	"github.com/prometheus/client_golang/prometheus"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/proto"
)

// Limits of the codec server.
const (
	// requestBytesMax bounds what one request may send; the Web UI sends the payloads of one event or
	// of one page of a history.
	requestBytesMax = 8 << 20
	// answerBytesMax bounds what the payloads of one request may become when they are decompressed.
	answerBytesMax = 32 << 20
	// requestsMax bounds the requests under way at once, and with the other two the memory they take.
	requestsMax = 32

	readHeaderTimeout = 5 * time.Second
	readTimeout       = 15 * time.Second
	writeTimeout      = 30 * time.Second
	idleTimeout       = 2 * time.Minute
	// stopTimeout is how long requests under way may take when the server stops.
	stopTimeout = 10 * time.Second
	// preflightAge is how long a browser may remember that it may ask us, in seconds.
	preflightAgeSeconds = "600"
)

// ServerOptions are the settings of the codec server.
type ServerOptions struct {
	// Address is where to listen, host:port.
	Address string
	// Origins are the Web UI's, such as https://temporal.example.com; pages from elsewhere are refused.
	Origins []string
	// Token is one accepted token, for development and scripts; empty for none. A Web UI without login
	// has no token to send, so it may also stand in the endpoint's path: http://host:port/<token>.
	Token string
	// Issuer and Audience accept the access tokens of an OpenID Connect issuer; empty for none.
	Issuer, Audience string
	// Logger takes a line for each refused request, without any payload or token.
	Logger *slog.Logger
	// Registerer takes the metrics, and Metrics answers GET /metrics with them; nil for none.
	Registerer prometheus.Registerer
	Metrics    http.Handler
	// Listening is called with the address once the server listens; nil for nobody.
	Listening func(net.Addr)
}

// Serve runs the codec server until ctx ends, then lets the requests under way finish.
func Serve(ctx context.Context, c *Codec, o ServerOptions) error {
	h, err := NewHandler(ctx, c, o)
	if err != nil {
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", o.Address)
	if err != nil {
		return fmt.Errorf("listen for the codec server: %w", err)
	}
	server := &http.Server{
		Handler: h, ReadHeaderTimeout: readHeaderTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout, IdleTimeout: idleTimeout,
		ErrorLog: slog.NewLogLogger(o.Logger.Handler(), slog.LevelWarn),
	}
	o.Logger.InfoContext(ctx, "The codec server listens.", "address", listener.Addr().String(), "origins", o.Origins)
	if o.Listening != nil {
		o.Listening(listener.Addr())
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serve the codec: %w", err)
	case <-ctx.Done():
	}
	stopping, cancel := drain.Timeout(ctx, stopTimeout)
	defer cancel()
	if err := server.Shutdown(stopping); err != nil {
		return fmt.Errorf("stop the codec server: %w", err)
	}
	return nil
}

// handler is Temporal's remote codec protocol behind authentication, limits and CORS.
type handler struct {
	codec   http.Handler
	origins []string
	static  Authenticator // nil without a static token
	bearer  Authenticator
	slots   chan struct{}
	metrics http.Handler // nil for none
	refused *prometheus.CounterVec
	log     *slog.Logger
}

// NewHandler returns the codec server's handler: POST …/encode and …/decode by Temporal's remote codec
// protocol, GET /health and GET /metrics. It needs a token or an issuer. Payloads that it can't decrypt are answered
// as they came, so that one under a forgotten key doesn't hide the others of its page.
func NewHandler(ctx context.Context, c *Codec, o ServerOptions) (http.Handler, error) {
	h := &handler{
		codec: converter.NewPayloadCodecHTTPHandler(lenient{c}), origins: o.Origins,
		slots: make(chan struct{}, requestsMax), metrics: o.Metrics, log: o.Logger,
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "orderloom_codec_requests_refused_total", Help: "Requests to the codec server that were refused, by status.",
		}, []string{"status"}),
	}
	if o.Registerer != nil {
		o.Registerer.MustRegister(h.refused, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "orderloom_codec_requests_in_flight", Help: "Requests to the codec server that are under way.",
		}, func() float64 { return float64(len(h.slots)) }))
	}
	var accepted []Authenticator
	if o.Token != "" {
		a, err := StaticToken(o.Token)
		if err != nil {
			return nil, err
		}
		h.static = a
		accepted = append(accepted, a)
	}
	if o.Issuer != "" {
		a, err := OpenIDConnect(ctx, o.Issuer, o.Audience)
		if err != nil {
			return nil, err
		}
		accepted = append(accepted, a)
	}
	if len(accepted) == 0 {
		return nil, errors.New("the codec server needs a token or an issuer: it would decrypt for everybody")
	}
	h.bearer = anyOf(accepted)
	return h, nil
}

// ServeHTTP implements [http.Handler].
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Vary", "Origin")
	if r.Method == http.MethodGet && r.URL.Path == "/health" {
		_, _ = io.WriteString(w, "ok\n")
		return
	}
	if r.Method == http.MethodGet && r.URL.Path == "/metrics" && h.metrics != nil {
		h.metrics.ServeHTTP(w, r)
		return
	}
	// Tools send no origin, browsers always do across origins.
	if origin := r.Header.Get("Origin"); origin != "" {
		if !slices.Contains(h.origins, origin) {
			h.refuse(w, r, http.StatusForbidden, fmt.Errorf("the origin %.100q is not the Web UI's", origin))
			return
		}
		header.Set("Access-Control-Allow-Origin", origin)
	}
	if r.Method == http.MethodOptions {
		header.Set("Access-Control-Allow-Methods", http.MethodPost)
		header.Set("Access-Control-Allow-Headers", "Authorization, Authorization-Extras, Content-Type, X-Namespace")
		header.Set("Access-Control-Max-Age", preflightAgeSeconds)
		w.WriteHeader(http.StatusNoContent)
		return
	}
	operation := r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]
	switch {
	case operation != "encode" && operation != "decode":
		h.refuse(w, r, http.StatusNotFound, errors.New("there are only encode and decode"))
		return
	case r.Method != http.MethodPost:
		header.Set("Allow", http.MethodPost)
		h.refuse(w, r, http.StatusMethodNotAllowed, errors.New("the method must be POST"))
		return
	}
	if err := h.authenticate(r); err != nil {
		header.Set("WWW-Authenticate", "Bearer")
		h.refuse(w, r, http.StatusUnauthorized, err)
		return
	}
	h.convert(w, r, operation)
}

// convert has the SDK's handler do the work, within the limits.
func (h *handler) convert(w http.ResponseWriter, r *http.Request, operation string) {
	select {
	case h.slots <- struct{}{}:
		defer func() { <-h.slots }()
	default:
		w.Header().Set("Retry-After", "1")
		h.refuse(w, r, http.StatusServiceUnavailable, errors.New("too many requests are under way"))
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, requestBytesMax))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		h.refuse(w, r, http.StatusRequestEntityTooLarge, err)
		return
	case err != nil:
		h.refuse(w, r, http.StatusBadRequest, err)
		return
	}
	inner := r.Clone(r.Context())
	inner.URL.Path = "/" + operation
	inner.Body = io.NopCloser(bytes.NewReader(body))
	h.codec.ServeHTTP(w, inner)
}

// authenticate takes the token from the header or, for the static one, from the path.
func (h *handler) authenticate(r *http.Request) error {
	if scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " "); strings.EqualFold(scheme, "Bearer") {
		return h.bearer(r.Context(), strings.TrimSpace(token))
	}
	if first, _, ok := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/"); ok && h.static != nil {
		return h.static(r.Context(), first)
	}
	return errors.New("there is no bearer token")
}

// refuse answers and logs. The path is not logged, since it may hold the token; nor is any body.
func (h *handler) refuse(w http.ResponseWriter, r *http.Request, status int, reason error) {
	h.refused.WithLabelValues(strconv.Itoa(status)).Inc()
	h.log.WarnContext(r.Context(), "The codec server refused a request.", "status", status, "reason", reason, "remote", r.RemoteAddr)
	http.Error(w, http.StatusText(status), status)
}

// lenient leaves what it can't decrypt as it is, and bounds what a request may decompress.
type lenient struct{ *Codec }

// Decode implements [converter.PayloadCodec].
func (l lenient) Decode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	out := make([]*commonpb.Payload, len(payloads))
	total := 0
	for i, p := range payloads {
		plain, err := l.decrypt(p)
		if err != nil {
			plain = p
		}
		if total += proto.Size(plain); total > answerBytesMax {
			return payloads, fmt.Errorf("%w: they are more than %d bytes in all", ErrTooLarge, answerBytesMax)
		}
		out[i] = plain
	}
	return out, nil
}
