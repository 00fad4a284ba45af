// Package histories records what Temporal keeps of the sagas. It starts the embedded stack, plays orders along every
// path they can take, and writes each execution's history to a file.
//
//	make histories   records workflows/testdata anew
//
// The files are replayed by the tests of package workflows, against the code as it is then. Record them anew when a
// saga's steps have changed on purpose and no execution of the old code is open anywhere. Otherwise a file that no
// longer replays is an order that would be stuck after the release.
package histories
