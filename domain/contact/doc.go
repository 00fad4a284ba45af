// Package contact holds the rules of phone numbers and email addresses.
//
// On the way of an order the API checks and normalises with it what a customer gives. The projector and the search
// bring both into the form by which they are found again. It does no I/O.
//
// Invariants:
//
//   - [Phone] returns E.164 (ITU-T E.164), so that one number has one spelling.
//   - [FindableEmail] and [FindablePhone] are the forms that are looked for. When they change, the index of contacts
//
// has
//
//	to be made anew.
//
// The smallest example:
//
//	var bad domain.Invalids
//	number := contact.Phone(&bad, "recipient.phone", "030 1234567", "DE") // "+49301234567"
//	email := contact.Email(&bad, "recipient.email", "Ada@Example.com")    // "Ada@example.com"
package contact
