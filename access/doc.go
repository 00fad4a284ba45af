// Package access knows who calls the API, and what each caller may do.
//
// A [Caller] comes of a credential: an API key. It belongs to an account, has a role, and with it scopes. Every
// operation of the API names the scopes that it needs.
//
// Keys lie in the database as hashes ([Table]). Each process holds all of them in memory ([Keys]), so that a request
// costs no statement. It looks every [LookEvery] whether one has changed, on a connection of its own. A revoked key is
// so refused everywhere within a second. While the database is away, known keys hold for [HoldsFor].
//
//	keys := access.NewKeys(pool, access.KeysOptions{Mode: access.Live, Logger: logger})
//	go keys.Run(ctx)
//	caller, err := keys.Authenticate(ctx, "ol_live_…")
package access
