// Package account tells of an order and its payment together what money belongs where.
//
// It is a rule over the states of the two, as package attention is. [Of] returns the statement of an order: for every
// cent which line, shipment, capture and refund it belongs to. [Return] and [Refund] decide what a return owes and what
// a refund comes to. Those who record it and those who only preview it ask the same functions.
package account
