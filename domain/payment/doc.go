// Package payment decides what may happen to the money of an order.
//
// An order has one payment, whose id follows from the order's ([ID]). Money is first authorised,
// which only reserves it on the customer's side, and captured shipment by shipment when goods leave. An
// authorisation that is not needed any more is voided; captured money goes back by refunds, never
// more than was captured.
//
// A refund is requested before the gateway is asked, which reserves its amount, and answered afterwards. One that is
// owed follows from a fact, such as a lost shipment. It is recorded with the fact, and stays reserved until it is paid.
//
// The decisions here record what the gateway has answered; asking it is an activity.
package payment
