// Package attention says what of an order waits for a person.
//
// It is a rule over the states of an order and its payment: [Of]. All facts that it rests on are events of the two
// streams. So nothing has to be added to a list when something goes wrong, and nothing taken off when it is mended.
//
// What waits for a person and is no fact of an order, has a cause here too. Those are a saga that is gone or keeps
// failing, and an aggregate that a projection can't go on with. Whoever lists them reads them where they are recorded.
package attention
