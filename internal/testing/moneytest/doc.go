// Package moneytest drives random orders through whatever may happen to their money, and audits what comes of it.
//
// The real sagas and steps run on a real event store, against a fake Stripe. Each order's life follows from a seed.
// The test prints each seed that fails, its life as a list of steps, and the command that runs it alone:
//
//	go test ./internal/testing/moneytest -run TestMoney -seed 17
package moneytest
