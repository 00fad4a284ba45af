// Package invoice writes what customers and tax authorities are told of an order's money. That is an invoice for each
// capture, and a credit note for each refund.
//
// It is a rule over the events of an order and its payment. A [Book] takes them in their global order and returns the
// documents that they make, without numbers. The same events always make the same documents. Who gives numbers reads
// all events in one order, and numbers each document by its [Form] once.
//
// The invoices of an order add up to what was captured, and its credit notes to what went back: in all and for each
// tax. A refund may come to nothing after its credit note was written. A reversal takes that back: a credit note of
// negative amounts.
package invoice
