// Package pgserver runs a private PostgreSQL for development and tests: nothing to install, nothing
// left behind.
//
// The programs are the machine's own where it has PostgreSQL 15 or newer. Otherwise PostgreSQL 17 is fetched once and
// kept in the user's cache directory. ORDERLOOM_POSTGRES_BIN names a directory of programs to use instead of either,
// or is "fetch" for the fetched ones in any case.
//
// PostgreSQL refuses to run as root. Started by root, the server runs as the user postgres, or nobody where there is
// none. Its files lie where that user can reach them. A data directory out of its reach (a clone under /root) becomes
// a symbolic link to one within.
//
// Invariants:
//   - A server never outlives the process that started it, even one that was killed. A small shell holds the other
//     end of a pipe and shuts the server down when that end closes.
//   - Without a directory the server is a throwaway. Its data go with it, and it does not flush to disk (fsync off)
//     unless its settings say so.
//   - With a directory the data survive, whatever becomes of the process.
//   - It listens on 127.0.0.1 only and asks for a password that is drawn anew for each data directory.
//
// The smallest use:
//
//	server, err := pgserver.Start(ctx, pgserver.Options{})
//	if err != nil {
//		return err
//	}
//	defer server.Stop(ctx)
//	pool, err := pgxpool.New(ctx, server.URL("postgres"))
//
// It runs on Linux and macOS.
package pgserver
