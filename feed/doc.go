// Package feed shows the events of the platform to those outside of it: partners, and whoever else follows all that
// happens.
//
// A page comes straight from the event store, in its global order, up to the mark that no open append can undercut. So
// who goes on from the cursor of a page misses no event and gets none twice. A page also shows what no view knows yet.
//
//	f := feed.New(store, vault, logger)
//	page, err := f.Page(ctx, feed.Query{Caller: caller, Types: []string{"OrderPlaced"}})
//	next, err := f.Page(ctx, feed.Query{Caller: caller, Types: …, Cursor: page.Next})
//
// Callers see the events of orders that they may see, and of the payments of these. Whose an order is, its first event
// tells. Events of stock and locations are for those who see all orders and may see stock: they tell about everybody's
// orders.
//
// Sections with personal data are left out. A query may ask for them to be opened; after an erasure they are empty.
// Means of payment and internal notes are never shown.
package feed
