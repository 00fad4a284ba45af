// Package pricing computes what an order costs, and how any part of that is shared out later.
//
// [Price] takes what a shop sends: lines, shipping lines, discounts and taxes. It answers with a [Breakdown] for each
// line and shipping line, and with [Totals]. All of that is frozen when the order is placed. Nothing is priced again.
//
// The words, for a line and for each share of it:
//
//	gross    unit price times quantity
//	discount what discounts take off
//	net      gross less discount; it contains the included taxes
//	payable  net and the taxes that come on top
//
// What belongs to some pieces of a line is a cumulative difference ([Breakdown.Share]). The payable of pieces 1 to k of
// n is the payable times k divided by n, rounded. A share is the difference of two of these. Gross, discount and each
// tax follow from it. So no part of a share is ever below zero. However the pieces are cut, their shares add up to the
// line, to the minor unit.
//
// Money whose pieces are not known, such as a refund of an amount, is a part of what is left ([Breakdown.Part]).
//
//	priced, err := pricing.Price(pricing.Order{
//		Currency: "EUR",
//		Lines:    []pricing.Line{{UnitPrice: money.Must("10.00", "EUR"), Quantity: 3}},
//	})
//	first := priced.Lines[0].Share(3, 0, 1)
package pricing
