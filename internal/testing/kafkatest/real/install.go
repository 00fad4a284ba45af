package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// installTimeout bounds what a package manager may take.
const installTimeout = 5 * time.Minute

// packages are Debian's, by the program that each of them brings.
var packages = map[string]string{
	"redis-server": "redis-server", "pgbouncer": "pgbouncer", "promtool": "prometheus", "java": "openjdk-17-jre-headless", "mvn": "maven",
}

// require makes sure that these programs are there. Where one is missing, it is installed by apt-get, as root or by a
// sudo that asks for nothing. Otherwise the error says what to install.
func require(ctx context.Context, programs ...string) error {
	var missing []string
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			missing = append(missing, p)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	wanted := make([]string, len(missing))
	for i, p := range missing {
		wanted[i] = packages[p]
	}
	by := administrator(ctx)
	if by == nil {
		return fmt.Errorf("missing here: %s. Install the packages %s (Debian's names), or run this as root where there is apt-get",
			strings.Join(missing, ", "), strings.Join(wanted, " "))
	}
	fmt.Fprintln(os.Stderr, "real: installing", strings.Join(wanted, " "))
	ctx, cancel := context.WithTimeout(ctx, installTimeout)
	defer cancel()
	install := append(slices.Clone(by), append([]string{"install", "-y", "--no-install-recommends"}, wanted...)...)
	if _, err := run(ctx, install); err == nil {
		return nil
	}
	if out, err := run(ctx, append(slices.Clone(by), "update")); err != nil { // the lists of a new machine are empty or old
		return fmt.Errorf("apt-get update: %w: %s", err, out)
	}
	if out, err := run(ctx, install); err != nil {
		return fmt.Errorf("apt-get install %s: %w: %s", strings.Join(wanted, " "), err, out)
	}
	return nil
}

// administrator returns the beginning of the command line that may install packages, nil if there is none.
func administrator(ctx context.Context) []string {
	apt, err := exec.LookPath("apt-get")
	if err != nil {
		return nil
	}
	if os.Geteuid() == 0 {
		return []string{"env", "DEBIAN_FRONTEND=noninteractive", apt}
	}
	if exec.CommandContext(ctx, "sudo", "-n", "true").Run() != nil {
		return nil
	}
	return []string{"sudo", "-n", "env", "DEBIAN_FRONTEND=noninteractive", apt}
}

// outputShown bounds what is shown of a command that failed.
const outputShown = 2000

func run(ctx context.Context, command []string) (output string, err error) {
	out, err := exec.CommandContext(ctx, command[0], command[1:]...).CombinedOutput() //nolint:gosec // a command of ours
	if len(out) > outputShown {
		out = out[len(out)-outputShown:]
	}
	if ctx.Err() != nil {
		err = errors.Join(err, ctx.Err())
	}
	return string(out), err
}
