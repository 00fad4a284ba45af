package httpx

import (
	"net/http"

	"github.com/orderloom/orderloom/access"
	"github.com/orderloom/orderloom/domain"
)

// Kinds of problems that any HTTP API has. Those of its subject are the application's own.
var (
	KindMalformedJSON = Kind{
		Code: "malformed_json", Status: http.StatusBadRequest, Title: "The body is not JSON",
		About: "The body can't be read as one JSON text (RFC 8259) in UTF-8. The position tells where reading stopped: the byte, " +
			"counted from 0, and the line and column, counted from 1.",
	}
	KindInvalid = Kind{
		Code: domain.CodeInvalid, Status: http.StatusUnprocessableEntity, Title: "The request holds something wrong",
		About: "The request can be read, but one or more of its members, parameters or headers are wrong. The errors list names all " +
			"of them at once, each with its place and what would be right. Nothing was started and nothing was stored: correct " +
			"the request and send it again.",
	}
	KindUnauthenticated = Kind{
		Code: access.CodeUnauthenticated, Status: http.StatusUnauthorized, Title: "The API key is missing or unknown",
		About: "Send the key as “Authorization: Bearer <key>”. One that was revoked or has expired is as good as none.",
	}
	KindTooManyFailures = Kind{
		Code: access.CodeTooManyFailures, Status: http.StatusTooManyRequests, Title: "Too many wrong credentials",
		About: "This address has sent too many credentials that are worth nothing, and others are not looked at for the moment. Keys that " +
			"are known here are taken as ever. Ask again after the time in Retry-After.",
	}
	KindForbidden = Kind{
		Code: access.CodeForbidden, Status: http.StatusForbidden, Title: "The caller may not do that",
		About: "The credential is good, and its scopes do not allow this. missing_scopes names what it lacks. A role gives scopes, and a " +
			"key may have others: whoever keeps the keys can make one that may do this.",
	}
	KindRouteNotFound = Kind{
		Code: "route_not_found", Status: http.StatusNotFound, Title: "There is no such route",
		About: "No route of this API has this path. The documentation at /docs lists all of them.",
	}
	KindMethodNotAllowed = Kind{
		Code: "method_not_allowed", Status: http.StatusMethodNotAllowed, Title: "The route does not know this method",
		About: "The path exists, with other methods: the Allow header of the answer lists them.",
	}
	KindBodyTooLarge = Kind{
		Code: "body_too_large", Status: http.StatusRequestEntityTooLarge, Title: "The body is too large",
		About: "The body is larger than anything this route could use.",
	}
	KindMediaType = Kind{
		Code: "unsupported_media_type", Status: http.StatusUnsupportedMediaType, Title: "The body is not declared as JSON",
		About: "Send the body as “Content-Type: application/json”, in UTF-8 and without a content encoding.",
	}
	KindRateLimited = Kind{
		Code: "rate_limited", Status: http.StatusTooManyRequests, Title: "This caller makes too many requests",
		About: "A caller may make a number of requests in a time, and have a number of them under way at once. The request was refused " +
			"before anything was done. Repeat it after the time in Retry-After. The headers RateLimit-Policy and RateLimit tell what is " +
			"allowed, and what is left.",
	}
	KindOverloaded = Kind{
		Code: "overloaded", Status: http.StatusServiceUnavailable, Title: "Too many requests at once",
		About: "The request was refused before anything was done. Repeat it after the time in Retry-After.",
	}
	KindUnavailable = Kind{
		Code: "unavailable", Status: http.StatusServiceUnavailable, Title: "Something this needs can't be reached",
		About: "A server behind this API does not answer. Repeat the request after the time in Retry-After; a POST with an " +
			"Idempotency-Key, under the same key.",
	}
	KindTimeout = Kind{
		Code: "timeout", Status: http.StatusServiceUnavailable, Title: "It took too long",
		About: "The request was given up after its time limit, and whether it took effect is not known. Repeat it after the time in " +
			"Retry-After; a POST with an Idempotency-Key, under the same key.",
	}
	KindInternal = Kind{
		Code: "internal", Status: http.StatusInternalServerError, Title: "Something went wrong here",
		About: "That is our fault. The request_id finds the cause in our log.",
	}
)

// Kinds lists the kinds of problems of this package.
var Kinds = []Kind{
	KindMalformedJSON, KindUnknownVersion, KindInvalid, KindUnauthenticated, KindTooManyFailures, KindForbidden, KindRouteNotFound, KindMethodNotAllowed,
	KindBodyTooLarge, KindMediaType, KindRateLimited, KindOverloaded, KindUnavailable, KindTimeout, KindInternal,
}
