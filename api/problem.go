package api

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/access"
	"github.com/orderloom/orderloom/api/httpx"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/attention"
	"github.com/orderloom/orderloom/domain/catalog"
	"github.com/orderloom/orderloom/domain/inventory"
	"github.com/orderloom/orderloom/domain/location"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/domain/precondition"
	"github.com/orderloom/orderloom/feed"
	"github.com/orderloom/orderloom/payments"
	"github.com/orderloom/orderloom/readmodel"
	"github.com/orderloom/orderloom/sagaclient"
	"github.com/orderloom/orderloom/webhooks"
)

// codeRefused is for refusals of the domain that have no kind of their own here.
const codeRefused domain.ErrorCode = "refused"

// problemKinds lists all kinds of problems: those of any HTTP API, and those of orders. Each has a page at
// /problems/<code>, which is also its type (RFC 9457, section 3.1.1). Codes are of the rule that refuses.
var problemKinds = slices.Concat(httpx.Kinds, []httpx.Kind{
	{
		Code: payments.CodeSignature, Status: http.StatusBadRequest, Title: "The webhook is not signed as it should be",
		About: "The signature does not belong to this body, or to another time. A webhook is signed with the secret of its " +
			"endpoint, over the body byte for byte. Both sides must know the same secret, and their clocks be at most five " +
			"minutes apart.",
	},
	{
		Code: payments.CodeNotAnEvent, Status: http.StatusBadRequest, Title: "The webhook is signed and is no event",
		About: "The payment gateway has sent this body, and it has no form that we can read: somebody has to look at it. The secret of " +
			"the endpoint is right.",
	},
	{
		Code: domain.CodeNotFound, Status: http.StatusNotFound, Title: "There is no such thing",
		About: "Nothing with this id was ever accepted here.",
	},
	{
		Code: order.CodeShipmentNotFound, Status: http.StatusNotFound, Title: "The order has no such shipment",
		About: "The order exists, but none of its shipments has this id. Shipments are planned when the order is confirmed; the order " +
			"lists them.",
	},
	{
		Code: domain.CodeIdempotencyKeyReused, Status: http.StatusUnprocessableEntity, Title: "The Idempotency-Key belongs to another request",
		About: "Something was created under this Idempotency-Key before, by a request that said something else. A retry sends the very" +
			" same request; a new request needs a new key.",
	},
	{
		Code: precondition.CodeFailed, Status: http.StatusPreconditionFailed, Title: "The order is not as the request wants it",
		About: "If-Match names what the caller has seen of the order, and the order or its payment has changed since. Nothing was changed. " +
			"Read the order, decide anew, and ask with its ETag of now.",
	},
	{
		Code: order.CodeNotCancellable, Status: http.StatusConflict, Title: "The order can't be cancelled any more",
		About: "A shipment has left the warehouse, and from then on nothing can be called back. The order member tells where the order " +
			"stands.",
	},
	{
		Code: order.CodeAlreadyCancelled, Status: http.StatusConflict, Title: "The order is cancelled otherwise",
		About: "It is cancelled, or being cancelled, for another reason or by another than this request tells, and nothing was " +
			"changed. The order member tells for which and by whom, once that is recorded.",
	},
	{
		Code: order.CodeNotUnderWay, Status: http.StatusConflict, Title: "The shipment is not under way",
		About: "Carrier and tracking number are corrected after the shipment has left and before it has ended. The order member tells " +
			"where the order stands.",
	},
	{
		Code: order.CodeNotDispatchable, Status: http.StatusConflict, Title: "The shipment can't be dispatched",
		About: "Only a confirmed order's shipments can leave. The order member tells where the order stands.",
	},
	{
		Code: order.CodeNotDeliverable, Status: http.StatusConflict, Title: "The shipment can't be delivered",
		About: "The shipment has not left yet: it is dispatched first. The order member tells where the order stands.",
	},
	{
		Code: order.CodeAlreadyDispatched, Status: http.StatusConflict, Title: "The shipment has left otherwise",
		About: "It was dispatched before, with another carrier or tracking number, and nothing was changed. The order member tells " +
			"with which.",
	},
	{
		Code: order.CodeAlreadyEnded, Status: http.StatusConflict, Title: "The shipment has ended otherwise",
		About: "A shipment ends once: delivered, lost or refused. The order member tells how this one has ended; nothing was changed.",
	},
	{
		Code: access.CodeTooManyKeys, Status: http.StatusConflict, Title: "There are as many keys as there can be",
		About: "Each process holds all keys that are not revoked. Revoke one that nobody uses, and ask again.",
	},
	{
		Code: access.CodeKeyHasNoSecret, Status: http.StatusConflict, Title: "The key has no secret here",
		About: "The shop itself signs the tokens of its customers, and this platform knows its public key alone. To replace it, make another " +
			"key with the new public key, let the shop sign with that one, and revoke this one.",
	},
	{
		Code: access.CodeKeyRevoked, Status: http.StatusConflict, Title: "The key was revoked, or has expired",
		About: "That is for good. Make another key of the same account: Idempotency-Keys and orders belong to the account.",
	},
	{
		Code: webhooks.CodeTooManyEndpoints, Status: http.StatusConflict, Title: "The account has as many webhook endpoints as it can have",
		About: "One endpoint can get the events of all types. Delete one that nobody needs, and ask again.",
	},
	{
		Code: webhooks.CodeEndpointDisabled, Status: http.StatusConflict, Title: "The webhook endpoint is disabled",
		About: "Nothing is sent to it. Enable it first: it then gets what has happened meanwhile, unless you ask to skip that.",
	},
	{
		Code: webhooks.CodeTooManyResends, Status: http.StatusConflict, Title: "Too much waits to be sent again",
		About: "The endpoint has many requests to send something again that are not carried out yet. Ask again later, or for a range.",
	},
	{
		Code: inventory.CodeInsufficientStock, Status: http.StatusConflict, Title: "There is not enough stock for that",
		About: "The adjustment would take away what is reserved for orders.",
	},
	{
		Code: location.CodeLocationExists, Status: http.StatusConflict, Title: "There is a location of this id already",
		About: "An id belongs to one location for ever. Change that location, or add another one under another id.",
	},
	{
		Code: location.CodeTooManyLocations, Status: http.StatusConflict, Title: "There are as many locations as there can be",
		About: "A location is never removed. Change one that is not active any more.",
	},
	{
		Code: order.CodeNothingLeft, Status: http.StatusConflict, Title: "Nothing of the order would be left",
		About: "To take everything out of an order is to cancel it: use the route for that.",
	},
	{
		Code: order.CodeNotAmendable, Status: http.StatusConflict, Title: "The recipient can't be changed any more",
		About: "A shipment has left to the recipient and address it had, or the order is cancelled. The order member tells where the order stands.",
	},
	{
		Code: order.CodeNotEditable, Status: http.StatusConflict, Title: "The order can't be edited",
		About: "An order is edited once it is confirmed, and before anything of it has left. The order member tells where the order stands.",
	},
	{
		Code: order.CodeEditDeclined, Status: http.StatusConflict, Title: "The edit was declined",
		About: "The payment gateway did not authorise what the edited order costs, or the order has gone on meanwhile. It is as it was, " +
			"and so is its payment. The detail tells why. The same request is not tried again: ask anew under another key.",
	},
	{
		Code: inventory.CodeOutOfStock, Status: http.StatusConflict, Title: "There are not so many goods",
		About: "The order can't get what it lacks from any location, and an edit does not wait for goods. Nothing was changed.",
	},
	{
		Code: order.CodeEditUnderWay, Status: http.StatusConflict, Title: "Another edit is under way",
		About: "The money of another edit is being asked for. Ask again once it is carried out or declined.",
	},
	{
		Code: payment.CodePaymentMethodNotKept, Status: http.StatusConflict, Title: "The means of payment can't be used again",
		About: "The edited order costs more than is authorised, and the customer has not agreed that the means of payment is authorised " +
			"again: see keep_payment_method. Nothing was changed.",
	},
	{
		Code: order.CodeCountryFixed, Status: http.StatusConflict, Title: "The country of an order can't be changed",
		About: "Another country may mean another warehouse and another price. Cancel the order and place a new one.",
	},
	{
		Code: order.CodeExternalReferenceTaken, Status: http.StatusConflict, Title: "Another order has this external reference",
		About: "An external reference names one order of a caller, for ever. The order member tells which one has it; no other one was placed.",
	},
	{
		Code: order.CodeTooManyNotes, Status: http.StatusConflict, Title: "The order has as many notes as it may have",
		About: "Internal notes are never removed, and an order has 200 of them at most.",
	},
	{
		Code: CodeContactsUnindexed, Status: http.StatusConflict, Title: "Contacts are not indexed here",
		About: "This platform has no key for the index of email addresses and phone numbers, so nothing can be found by them. " +
			"An operator gives it one: ORDERLOOM_INDEX_KEYS.",
	},
	{
		Code: order.CodeNotHeld, Status: http.StatusConflict, Title: "The order waits for no review",
		About: "Only an order that a rule has held is approved or rejected. The order member tells where the order stands.",
	},
	{
		Code: order.CodeAlreadyReviewed, Status: http.StatusConflict, Title: "The review is made already",
		About: "Someone else has decided on this order, or otherwise, and nothing was changed. The order member tells who.",
	},
	{
		Code: order.CodeNotReturnable, Status: http.StatusConflict, Title: "The order can't be returned yet",
		About: "Goods come back once the order is delivered; before that, the order is cancelled, or a shipment refused.",
	},
	{
		Code: order.CodeReturnWindowClosed, Status: http.StatusConflict, Title: "The time for returns is over",
		About: "Goods can be returned within 30 days of their delivery.",
	},
	{
		Code: order.CodeNoTimer, Status: http.StatusConflict, Title: "The order waits for no time",
		About: "The clock of an order for trying is set to when its next timer goes off, and it has none now. The order member tells " +
			"where it stands.",
	},
	{
		Code: order.CodeLiveMode, Status: http.StatusConflict, Title: "The platform is live",
		About: "Clocks are advanced on a platform for trying alone: ORDERLOOM_MODE=test.",
	},
	{
		Code: order.CodeReturnNotApproved, Status: http.StatusConflict, Title: "The return is not approved",
		About: "Somebody has to approve a return before its goods are received. Nothing was changed.",
	},
	{
		Code: order.CodeReturnDecided, Status: http.StatusConflict, Title: "The return was decided otherwise",
		About: "It has gone on, or has ended, and this request says something else. The order member tells where the order stands, and its " +
			"returns where they do. Nothing was changed.",
	},
	{
		Code: order.CodeTooManyReturns, Status: http.StatusConflict, Title: "The order has as many returns as it may have",
		About: "An order has 100 returns at most. Goods that came back can still be reported without a request.",
	},
	{
		Code: codeExchangeDeclined, Status: http.StatusConflict, Title: "The new order of the exchange was refused",
		About: "Its money was declined, or its goods are not there. The return was cancelled, and all is as it was. The detail tells why. " +
			"The same request is not tried again: ask anew under another key.",
	},
	{
		Code: payment.CodeRefundExceedsCapture, Status: http.StatusConflict, Title: "There is not so much to refund",
		About: "No more can go back than was captured, and neither refunded nor owed. What is asked for and not answered yet counts too.",
	},
	{
		Code: payment.CodeRefundUnderWay, Status: http.StatusConflict, Title: "Another refund has no answer yet",
		About: "The payment gateway has not answered about a refund of this order, which the problem tells in refund. It may be the " +
			"same one, asked for under another key. It is carried out however long the gateway is away. Another one can be asked for " +
			"once it is answered.",
	},
	{
		Code: payment.CodePaymentRequired, Status: http.StatusConflict, Title: "The order waits for money",
		About: "An authorisation that was needed again was declined. Nothing leaves before another means of payment is given. The order " +
			"tells in payment_required how much is missing, why, and until when.",
	},
	{
		Code: payment.CodePaymentNotRequired, Status: http.StatusConflict, Title: "The order lacks no money",
		About: "Another means of payment is for an order whose payment is required, or waits for the customer's bank. Nothing was changed.",
	},
	{
		Code: payment.CodePaymentUnderWay, Status: http.StatusConflict, Title: "The payment is being asked for",
		About: "The gateway's answer about a means of payment is not known yet. Another one can be given once it is.",
	},
	{
		Code: payment.CodePaymentDisputed, Status: http.StatusConflict, Title: "The payment is disputed",
		About: "The customer claims the money back at the bank. Refunds wait for the end of the dispute, so that no money goes back " +
			"twice.",
	},
	{
		Code: attention.CodeNotPossible, Status: http.StatusConflict, Title: "That does not help what waits for a person",
		About: "The attention of the order tells what waits, and in actions what can be done about it.",
	},
	{
		Code: payments.CodeGatewayRefused, Status: http.StatusConflict, Title: "The payment gateway refuses to move the money",
		About: "It will not change its mind by itself: someone has to look at the payment at the gateway.",
	},
	{
		Code: codeRefused, Status: http.StatusConflict, Title: "A rule of the business refuses that",
		About: "The request is well-formed, but not possible as things stand. The detail says why.",
	},
	{
		Code: catalog.CodeUnknownEvent, Status: http.StatusServiceUnavailable, Title: "The order holds an event of a newer version",
		About: "A newer version of the platform has recorded something that the process which answered does not know, such as " +
			"during a rollout. Nothing is lost: ask again after the time in Retry-After.",
	},
	{
		Code: codeNotVisibleYet, Status: http.StatusServiceUnavailable, Title: "The order has not reached this version yet",
		About: "The order was accepted, and the version that min_version asks for is not recorded yet. Ask again after the time in " +
			"Retry-After, or without min_version.",
	},
	kindStoreUnconfirmed,
	{
		Code: readmodel.CodeTooOld, Status: http.StatusGone, Title: "The changes since then are not kept any more",
		About: "The stream was left too long ago to go on where it stopped. Read the orders that matter once more, and follow the " +
			"stream from now on, without Last-Event-ID.",
	},
	{
		Code: feed.CodeCursorLost, Status: http.StatusGone, Title: "The cursor does not belong to these events",
		About: "The platform was restored to a time before this cursor, or is another one. What followed the cursor is not what follows " +
			"now. Begin anew with created_from at a time from before the restore: an event that you have is known by its event_id.",
	},
})

// newerVersionRetry is when to ask again where a newer version has recorded something: another process may answer.
const newerVersionRetry = 5 * time.Second

// kindOf returns the kind of problem with a code; false when there is none.
func kindOf(code domain.ErrorCode) (httpx.Kind, bool) {
	if i := slices.IndexFunc(problemKinds, func(k httpx.Kind) bool { return k.Code == code }); i >= 0 {
		return problemKinds[i], true
	}
	return httpx.Kind{}, false
}

// newProblem returns a problem of a kind that is in the list.
func newProblem(code domain.ErrorCode, format string, args ...any) *httpx.Problem {
	k, ok := kindOf(code)
	if !ok {
		panic("api: no kind of problem is called " + code)
	}
	return httpx.NewProblem(k, fmt.Sprintf(format, args...))
}

// asProblem turns what a handler returned into what is answered. A refusal of the domain keeps its words.
func asProblem(err error) *httpx.Problem {
	var p *httpx.Problem
	var refusal *domain.Error
	switch {
	case errors.As(err, &p), domain.Code(err) == domain.CodeInvalid:
	case errors.As(err, &refusal) && refusal.Code == catalog.CodeUnknownEvent:
		p = newProblem(catalog.CodeUnknownEvent, "%s", refusal.Message).Because(err)
		p.RetryAfter = newerVersionRetry
		return p
	case errors.As(err, &refusal):
		k, ok := kindOf(refusal.Code)
		if !ok || k.Status >= http.StatusInternalServerError {
			k, _ = kindOf(codeRefused)
		}
		return httpx.NewProblem(k, refusal.Message).Because(err)
	case errors.Is(err, sagaclient.ErrUnavailable):
		p = httpx.NewProblem(httpx.KindUnavailable, "orders can't be taken or changed for the moment").Because(err)
		p.RetryAfter = 5 * time.Second
		return p
	}
	return httpx.AsProblem(err)
}

// orderNotFound is the problem of an order that was never accepted.
func orderNotFound(id uuid.UUID) error {
	return newProblem(domain.CodeNotFound, "order %s does not exist", id)
}
