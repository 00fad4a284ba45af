package api

import (
	"context"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"github.com/orderloom/orderloom/api/httpx"
	"github.com/orderloom/orderloom/domain/precondition"
)

// ifMatch is the header by which a request changes an order only as its caller has seen it.
const ifMatch = "If-Match"

// conditional lets a route that changes an order carry the precondition of a request (RFC 9110, section 13.1.1) to the
// decision. A route whose operation does not take one refuses it, since nobody would notice that it is ignored.
func (a *API) conditional(r httpx.Route) httpx.Route {
	if r.Method != http.MethodPost || !strings.HasPrefix(r.Path, shownOrderPath+"/") {
		return r
	}
	handle := r.Handle
	r.Handle = func(ctx context.Context, x *httpx.Exchange) error {
		lines, there := x.Request.Header[ifMatch]
		if !there {
			return handle(ctx, x)
		}
		p, ok := preconditionOf(strings.Join(lines, ", "))
		switch {
		case !x.Takes(httpx.InHeader, ifMatch):
			x.Blame(httpx.InHeader, ifMatch, "is not taken by this operation")
		case !ok:
			x.Blame(httpx.InHeader, ifMatch, `must be * or entity tags such as "o4.p2.2026-11-27"`)
		}
		return handle(precondition.With(ctx, p), x)
	}
	return r
}

// A header is a list of entity tags (RFC 9110, section 8.8.3). A tag may hold a comma.
var (
	entityTag = regexp.MustCompile(`^[ \t]*(W/)?"([\x21\x23-\x7e\x80-\xff]*)"[ \t]*`)
	stateTag  = regexp.MustCompile(`^o([0-9]{1,18})\.p([0-9]{1,18})\.`)
)

// preconditionOf reads If-Match. A weak tag, and one that is no order's, matches nothing. "*" matches any order that
// there is, so it wants no state.
func preconditionOf(header string) (p precondition.Precondition, ok bool) {
	if strings.TrimSpace(header) == "*" {
		return "", true
	}
	var states []precondition.State
	for rest := header; ; {
		found := entityTag.FindStringSubmatch(rest)
		if found == nil {
			return precondition.Of(), false
		}
		if n := stateTag.FindStringSubmatch(found[2]); n != nil && found[1] == "" {
			order, _ := strconv.ParseInt(n[1], 10, 64) // digits, and few enough
			payment, _ := strconv.ParseInt(n[2], 10, 64)
			states = append(states, precondition.State{Order: order, Payment: payment})
		}
		rest = rest[len(found[0]):]
		if rest == "" {
			return precondition.Of(states...), true
		}
		if rest, ok = strings.CutPrefix(rest, ","); !ok {
			return precondition.Of(), false
		}
	}
}
