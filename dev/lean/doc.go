// Package lean keeps the build of the embedded Temporal server small. It holds no code of its own, but a test.
//
// Temporal's server brings libraries that nothing in this repository uses. It starts workers on Kubernetes, AWS and
// Google Cloud, archives to S3 and Cloud Storage, and stores in SQLite. The platform's gin speaks MessagePack too.
// They were two fifths of what the first "make demo" compiled. Each folder beside this file has a module that stands
// for such a library. It has what the server or gin names of the library's API. Its functions return an error that
// says what was left out. dev/go.mod replaces the libraries by them.
//
// After an upgrade of the server:
//
//   - The compiler names what the server has begun to use. Add it to the folder, so that it fails in the same way. If
//     the embedded server needs the library, remove the folder and its line in dev/go.mod.
//   - The test of this package fails when a new version brings such a library again, or more packages than it allows.
//
// The tests of dev/stack see each error come out of the server. Decision 50 in docs/adr has what was measured.
package lean
