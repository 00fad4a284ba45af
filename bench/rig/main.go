package rig

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

// Flags are the options that each benchmark of the platform takes from its command line. It says what goes on.
func Flags() *Options {
	o := &Options{Log: func(format string, args ...any) { fmt.Printf("# "+format+"\n", args...) }}
	flag.StringVar(&o.Binaries, "binaries", "", "directory with orderloom and orderloom-dev; empty builds them")
	flag.BoolVar(&o.Keep, "keep", false, "keep the directory with the logs")
	return o
}

// EmbeddedFlag adds the flag that chooses the embedded broker.
func (o *Options) EmbeddedFlag(byDefault bool) {
	flag.BoolVar(&o.Embedded, "embedded", byDefault, "use the embedded broker even where there is Java")
}

// SettingFlag adds the flag that adds to the settings of the platform.
func (o *Options) SettingFlag() {
	flag.Func("setting", "a setting of the platform, NAME=value; may be repeated", func(s string) error {
		o.Environment = append(o.Environment, s)
		return nil
	})
}

// Main runs a benchmark until it has ended or the process is told to. An error ends the process with status 1.
func Main(name string, run func(context.Context) error) {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, name+":", err)
		os.Exit(1)
	}
}
