// Package invoicing gives numbers to invoices and credit notes.
//
// An [Issuer] reads the events of all payments in their global order. What is captured makes an invoice, and what goes
// back a credit note (package domain/invoice says of what). Each gets the next number of its series. The numbers, the
// documents and how far the events were read are written in one transaction. So no number is missing or given twice,
// whatever is killed, and however many processes do it.
//
// It reads no further than the relay has published. So an event that has a number is known to Kafka. A store that was
// restored gets it back with its sequence, and gives it the same number again.
//
//	issuer := invoicing.New(invoicing.Options{Pool: pool, Events: store, Published: published, Forms: forms, Logger: log})
//	err := issuer.Run(ctx)
package invoicing
