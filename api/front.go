package api

import (
	"net/http"
	"strings"

	"github.com/klauspost/compress/gzhttp"
	"github.com/orderloom/orderloom/api/httpx"
	"github.com/orderloom/orderloom/api/version"
	"github.com/rs/cors"
)

const (
	// compressedFrom is the size of the smallest answer that is compressed, in bytes. Single orders are smaller.
	compressedFrom = 4 << 10
	// preflightAge is how long a browser may remember what pages of another origin may ask, in seconds.
	preflightAge = 600
)

// front is what stands before the routes. Answers are compressed for those who take that. Pages of these origins may
// ask, and those of no other. The answers of a platform for trying are marked.
func front(routes http.Handler, origins []string, trying bool) http.Handler {
	h := compressed(routes)
	if trying {
		h = marked(h)
	}
	if len(origins) == 0 {
		return h
	}
	return cors.New(cors.Options{
		AllowedOrigins: origins,
		AllowedMethods: []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPatch, http.MethodPut, http.MethodDelete},
		AllowedHeaders: []string{
			"Authorization", "Content-Type", "Idempotency-Key", "If-Match", "If-None-Match", "Last-Event-ID", version.Header, "Prefer", "X-Request-Id",
		},
		ExposedHeaders: []string{"ETag", "Idempotent-Replayed", "Location", version.Header, modeHeader, "Preference-Applied", "Retry-After", "X-Request-Id"},
		MaxAge:         preflightAge,
	}).Handler(h)
}

// marked says in every answer that the platform is one for trying.
func marked(routes http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header()[modeHeader] = testMode
		routes.ServeHTTP(w, r)
	})
}

// compressed compresses answers of text from [compressedFrom] on. Those with an entity tag stay as they are: a tag is
// that of one form of the answer. Streams are not compressed, since each event has to leave at once.
func compressed(routes http.Handler) http.Handler {
	wrap, err := gzhttp.NewWrapper(gzhttp.MinSize(compressedFrom), gzhttp.EnableZstd(false),
		gzhttp.ContentTypes([]string{"application/json", "application/problem+json", "application/yaml", "text/plain"}))
	if err != nil {
		panic("api: " + err.Error()) // a mistake of the program
	}
	zipped := wrap(routes)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") && r.Header.Get("Accept") != "text/event-stream" &&
			!strings.HasPrefix(r.Header.Get("Content-Type"), httpx.LinesMedia) && httpx.ExportMedia(r.Header) == "" {
			w.Header()["Vary"] = variesByVersion
			zipped.ServeHTTP(w, r)
			return
		}
		w.Header()["Vary"] = varies
		routes.ServeHTTP(w, r)
	})
}

// What an answer depends on besides its address. What compresses names the encoding by itself.
var (
	varies          = []string{"Accept-Encoding, " + version.Header}
	variesByVersion = []string{version.Header}
)
