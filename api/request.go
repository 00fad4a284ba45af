package api

import (
	"errors"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/order"
)

// namespace is the root of the ids that follow from Idempotency-Keys: the UUIDv5 of the DNS name "api.orderloom".
// Below it, each thing has one of its own, so that one key may serve for one of each.
var (
	namespace           = uuid.NewSHA1(uuid.NameSpaceDNS, []byte("api.orderloom"))
	orderNamespace      = domain.DerivedID(namespace, "order")
	receiptNamespace    = domain.DerivedID(namespace, "stock receipt")
	adjustmentNamespace = domain.DerivedID(namespace, "stock adjustment")
	linesNamespace      = domain.DerivedID(namespace, "cancelled lines")
	amendNamespace      = domain.DerivedID(namespace, "amended address")
	returnNamespace     = domain.DerivedID(namespace, "return")
	refundNamespace     = domain.DerivedID(namespace, "refund")
)

// byCustomer is who asks for a change when the request does not say.
const byCustomer = order.ByCustomer

// invalids returns what the domain has found wrong, so that it can be joined with more.
func invalids(err error) domain.Invalids {
	var bad domain.Invalids
	errors.As(err, &bad)
	return bad
}
