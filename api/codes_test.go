package api

import (
	"github.com/orderloom/orderloom/api/httpx"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/inventory"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/payments"
	"github.com/orderloom/orderloom/readmodel"
)

// Short names of the codes that tests expect.
var (
	codeMalformedJSON     = httpx.KindMalformedJSON.Code
	codeInvalid           = domain.CodeInvalid
	codeSignature         = payments.CodeSignature
	codeNotAnEvent        = payments.CodeNotAnEvent
	codeUnauthenticated   = httpx.KindUnauthenticated.Code
	codeNotFound          = domain.CodeNotFound
	codeShipmentNotFound  = order.CodeShipmentNotFound
	codeRouteNotFound     = httpx.KindRouteNotFound.Code
	codeMethodNotAllowed  = httpx.KindMethodNotAllowed.Code
	codeBodyTooLarge      = httpx.KindBodyTooLarge.Code
	codeMediaType         = httpx.KindMediaType.Code
	codeKeyReused         = domain.CodeIdempotencyKeyReused
	codeNotCancellable    = order.CodeNotCancellable
	codeNotDispatchable   = order.CodeNotDispatchable
	codeNotDeliverable    = order.CodeNotDeliverable
	codeInsufficientStock = inventory.CodeInsufficientStock
	codeNothingLeft       = order.CodeNothingLeft
	codeNotAmendable      = order.CodeNotAmendable
	codeCountryFixed      = order.CodeCountryFixed
	codeNotHeld           = order.CodeNotHeld
	codeAlreadyReviewed   = order.CodeAlreadyReviewed
	codeNotReturnable     = order.CodeNotReturnable
	codeWindowClosed      = order.CodeReturnWindowClosed
	codeRefundTooLarge    = payment.CodeRefundExceedsCapture
	codeGatewayRefused    = payments.CodeGatewayRefused
	codeTooOld            = readmodel.CodeTooOld
	codeOverloaded        = httpx.KindOverloaded.Code
	codeUnavailable       = httpx.KindUnavailable.Code
	codeTimeout           = httpx.KindTimeout.Code
	codeInternal          = httpx.KindInternal.Code
)
