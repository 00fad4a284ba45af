package api

import (
	"errors"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/api/httpx"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/sagaclient"
)

// namespace is the root of the ids that follow from Idempotency-Keys: the UUIDv5 of the DNS name "api.orderloom".
// Below it, each thing has one of its own, so that one key may serve for one of each.
var (
	namespace               = uuid.NewSHA1(uuid.NameSpaceDNS, []byte("api.orderloom"))
	orderNamespace          = domain.DerivedID(namespace, "order")
	receiptNamespace        = domain.DerivedID(namespace, "stock receipt")
	adjustmentNamespace     = domain.DerivedID(namespace, "stock adjustment")
	locationNamespace       = domain.DerivedID(namespace, "location")
	locationChangeNamespace = domain.DerivedID(namespace, "changed location")
	linesNamespace          = domain.DerivedID(namespace, "cancelled lines")
	editNamespace           = domain.DerivedID(namespace, "edited order")
	amendNamespace          = domain.DerivedID(namespace, "amended address")
	trackingNamespace       = domain.DerivedID(namespace, "corrected tracking")
	paymentNamespace        = domain.DerivedID(namespace, "means of payment")
	returnNamespace         = domain.DerivedID(namespace, "return")
	exchangeNamespace       = domain.DerivedID(namespace, "exchange")
	refundNamespace         = domain.DerivedID(namespace, "refund")
	advanceNamespace        = domain.DerivedID(namespace, "advanced clock")
	noteNamespace           = domain.DerivedID(namespace, "note")
	keyNamespace            = domain.DerivedID(namespace, "key")
	rotationNamespace       = domain.DerivedID(namespace, "rotated key")
	// endpointRotationNamespace is of secrets of webhook endpoints.
	endpointRotationNamespace = domain.DerivedID(namespace, "rotated webhook secret")
	endpointNamespace         = domain.DerivedID(namespace, "webhook endpoint")
	endpointTestNamespace     = domain.DerivedID(namespace, "tested webhook endpoint")
	endpointResendNamespace   = domain.DerivedID(namespace, "resent events")
	detailsNamespace          = domain.DerivedID(namespace, "changed details")
)

// replay says in the answer that an earlier request has done what this one asks.
func replay(x *httpx.Exchange, replayed bool) {
	if replayed {
		x.Writer.Header().Set("Idempotent-Replayed", "true")
	}
}

// withStanding shows with a refusal, as the member of this name, what was asked for before under the same key.
func withStanding[I, B any](err error, member string, body func(I) B) error {
	var reused *sagaclient.Reused
	if !errors.As(err, &reused) {
		return err
	}
	p := asProblem(err)
	if before, ok := reused.Stands.(I); ok {
		return p.Extend(member, body(before))
	}
	return p
}

// invalids returns what the domain has found wrong, so that it can be joined with more.
func invalids(err error) domain.Invalids {
	var bad domain.Invalids
	errors.As(err, &bad)
	return bad
}
