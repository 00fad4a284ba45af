// Package sagaclient starts sagas and sends them updates and signals.
//
// It is the way from the API and the webhooks to package workflows. A call names an order, and the client finds the
// order's execution at Temporal by its id. It decides nothing about orders.
//
// Every call may be repeated. Ids of executions follow from the ids of orders, returns, refunds, receipts and
// adjustments, so a repeated call meets the execution of the first one.
package sagaclient
