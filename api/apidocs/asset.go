package apidocs

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
)

// asset is something to be served that never changes while the process lives.
type asset struct {
	contentType, policy string
	plain, zipped       []byte
	tag                 string // without quotes
}

func newAsset(contentType, policy string, body []byte) *asset {
	var zipped bytes.Buffer
	w := gzip.NewWriter(&zipped)
	_, _ = w.Write(body) // a buffer takes everything
	_ = w.Close()
	sum := sha256.Sum256(body)
	return &asset{contentType: contentType, policy: policy, plain: body, zipped: zipped.Bytes(), tag: hex.EncodeToString(sum[:12])}
}

// serve answers with the asset, or with 304 when the caller has it.
func (a *asset) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	body, tag := a.plain, `"`+a.tag+`"`
	if acceptsGzip(r.Header.Values("Accept-Encoding")) {
		body, tag = a.zipped, `"`+a.tag+`.gzip"` // two encodings are two representations (RFC 9110, section 8.8.3.3)
		h.Set("Content-Encoding", "gzip")
	}
	h.Set("Content-Type", a.contentType)
	h.Set("Cache-Control", "public, max-age=300")
	h.Set("Vary", "Accept-Encoding")
	h.Set("ETag", tag)
	h.Set("Content-Security-Policy", a.policy)
	h.Set("X-Content-Type-Options", "nosniff")
	if has(r.Header.Values("If-None-Match"), tag) {
		h.Del("Content-Encoding")
		h.Del("Content-Type")
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body) // the caller may be gone
}

func acceptsGzip(headers []string) bool {
	for _, header := range headers {
		for coding := range strings.SplitSeq(header, ",") {
			name, weight, _ := strings.Cut(strings.ReplaceAll(coding, " ", ""), ";")
			if strings.EqualFold(name, "gzip") || name == "*" {
				return strings.Trim(strings.TrimPrefix(weight, "q="), "0.") != "" || weight == ""
			}
		}
	}
	return false
}

// has reports whether one of an If-None-Match's tags is tag (RFC 9110, section 13.1.2).
func has(headers []string, tag string) bool {
	for _, header := range headers {
		for t := range strings.SplitSeq(header, ",") {
			if t = strings.TrimPrefix(strings.TrimSpace(t), "W/"); t == tag || t == "*" {
				return true
			}
		}
	}
	return false
}
