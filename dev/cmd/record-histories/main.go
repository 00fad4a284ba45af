// Command record-histories records the histories of the sagas in the directory it is given:
//
//	record-histories workflows/testdata
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/orderloom/orderloom/dev/histories"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: record-histories directory")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	err := histories.Record(ctx, os.Args[1], func(format string, args ...any) { fmt.Printf(format+"\n", args...) })
	if err != nil {
		fmt.Fprintf(os.Stderr, "record-histories: %v\n", err)
		os.Exit(1)
	}
}
