package httpx

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/klauspost/compress/gzhttp"
	"github.com/orderloom/orderloom/domain"
)

// readParameters checks the path, the query and the headers of the request as the document describes them, and
// notes what is wrong. A parameter of the query that the document does not have is wrong, unless anyParameters is
// true; another header never is.
func (x *Exchange) readParameters(anyParameters bool) {
	for i := range x.operation.path {
		p := &x.operation.path[i]
		x.checkParameter(InPath, p, x.Param(p.name))
	}
	x.readQuery(anyParameters)
	for i := range x.operation.header {
		p := &x.operation.header[i]
		switch values := x.Request.Header[p.header]; {
		case len(values) > 0:
			// Several lines of a header are one list (RFC 9110, section 5.3).
			x.checkParameter(InHeader, p, strings.Join(values, ", "))
		case p.required:
			x.Blame(InHeader, p.name, "is required")
		}
	}
}

func (x *Exchange) readQuery(anyParameters bool) {
	if raw := x.Request.URL.RawQuery; raw != "" {
		values, err := url.ParseQuery(raw)
		if err != nil && !anyParameters {
			x.Blame(InQuery, "", "the query can't be read: a percent sign is followed by two hexadecimal digits, and a semicolon is written %%3B")
		}
		if x.query = values; x.older() {
			x.router.versions.Query(x.version, x.operation.name, values)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(x.query)) {
		if !anyParameters && !slices.ContainsFunc(x.operation.query, func(p parameter) bool { return p.name == name }) {
			x.Blame(InQuery, domain.Clip(name), "is not known here")
		}
	}
	for i := range x.operation.query {
		p := &x.operation.query[i]
		switch values := x.query[p.name]; {
		case len(values) > 0 && p.repeated:
			x.checkParameter(InQuery, p, elements(values))
		case len(values) > 1:
			x.Blame(InQuery, p.name, "stands twice")
		case len(values) == 1:
			x.checkParameter(InQuery, p, values[0])
		case p.required:
			x.Blame(InQuery, p.name, "is required")
		}
	}
}

func elements(values []string) []any {
	list := make([]any, len(values))
	for i, v := range values {
		list[i] = v
	}
	return list
}

// checkParameter notes the first thing that is wrong with a parameter.
func (x *Exchange) checkParameter(in string, p *parameter, value any) {
	text, isText := value.(string)
	if isText && !utf8.ValidString(text) {
		x.Blame(in, p.name, "is not UTF-8")
		return
	}
	if p.schema == nil {
		return
	}
	if isText && p.integer {
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			value = json.Number(strconv.FormatInt(n, 10))
		}
	}
	f := &x.reader.faults
	if x.router.contract.check(p.schema, value, f); len(*f) > 0 {
		x.Blame(in, p.name, "%s", (*f)[0].message)
		*f = (*f)[:0]
	}
}

// UUID returns a parameter of the path or the query that the document says is a UUID; the zero id without it.
func (x *Exchange) UUID(name string) uuid.UUID {
	text := x.Param(name)
	if text == "" {
		text = x.QueryText(name)
	}
	id, err := uuid.Parse(text)
	if err != nil {
		return uuid.UUID{}
	}
	return id
}

// Takes reports whether the document gives the operation a parameter in this place, [InHeader] or [InQuery].
func (x *Exchange) Takes(in, name string) bool {
	list := x.operation.query
	if in == InHeader {
		list = x.operation.header
	}
	return slices.ContainsFunc(list, func(p parameter) bool { return p.name == name })
}

// HasQuery reports whether the query has a parameter.
func (x *Exchange) HasQuery(name string) bool { return len(x.query[name]) > 0 }

// QueryText returns a parameter of the query, empty without it.
func (x *Exchange) QueryText(name string) string {
	if values := x.query[name]; len(values) > 0 {
		return values[0]
	}
	return ""
}

// QueryTexts returns a parameter that may be given more than once.
func (x *Exchange) QueryTexts(name string) []string { return x.query[name] }

// QueryInt returns a parameter that the document says is a whole number; 0 without it.
func (x *Exchange) QueryInt(name string) int64 {
	n, err := strconv.ParseInt(x.QueryText(name), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// QueryTime returns a parameter that the document says is a time, in UTC; the zero time without it.
func (x *Exchange) QueryTime(name string) time.Time {
	t, err := ParseTime(x.QueryText(name))
	if err != nil {
		return time.Time{}
	}
	return t
}

// IdempotencyKey returns the Idempotency-Key, empty without one.
//
// The key is taken as it stands, so that two spellings are two keys. Quotes, which the header's draft at the IETF
// wants, are part of it.
func (x *Exchange) IdempotencyKey() string { return x.Request.Header.Get("Idempotency-Key") }

// PreferredWait is how long the caller wants to wait: whole seconds (RFC 7240, section 4.3). What it does not
// say, or says wrongly, counts as nothing, as that RFC wants it.
func (x *Exchange) PreferredWait() time.Duration {
	for _, header := range x.Request.Header["Prefer"] {
		for preference := range strings.SplitSeq(header, ",") {
			preference, _, _ = strings.Cut(preference, ";")
			name, value, _ := strings.Cut(preference, "=")
			if !strings.EqualFold(strings.TrimSpace(name), "wait") {
				continue
			}
			seconds, err := strconv.ParseUint(strings.Trim(strings.TrimSpace(value), `"`), 10, 31)
			if err != nil {
				return 0
			}
			return time.Duration(seconds) * time.Second
		}
	}
	return 0
}

// plainly is for whoever would compress an answer, who takes the header off.
var plainly = []string{"1"}

// NotModified sets the answer's ETag, and answers 304 when the caller has the thing by this tag (RFC 9110,
// section 13.1.2). It reports whether it has answered.
func (x *Exchange) NotModified(tag string) bool {
	x.Writer.Header().Set("ETag", tag)
	if strings.Contains(x.Request.Header.Get("Accept-Encoding"), "gzip") {
		x.Writer.Header()[gzhttp.HeaderNoCompression] = plainly // the tag is that of the plain answer
	}
	for _, h := range x.Request.Header.Values("If-None-Match") {
		for t := range strings.SplitSeq(h, ",") {
			if t = strings.TrimSpace(t); t == "*" || strings.TrimPrefix(t, "W/") == tag {
				x.Writer.WriteHeader(http.StatusNotModified)
				return true
			}
		}
	}
	return false
}
