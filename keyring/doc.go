// Package keyring keeps track of the encryption keys that are in use, so that no process works without one of them.
//
// A key is known by its purpose and its id. The database holds a check value for each: it tells the right key from a
// wrong one, and nothing else of it. A key is in use from the moment when a process first encrypts with it until a
// person retires it.
package keyring
