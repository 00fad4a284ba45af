// Command real runs another command beside a real Apache Kafka and a real Redis, started for it alone and
// stopped after it:
//
//	go run ./internal/testing/kafkatest/real go test ./relay ./projector
//	go run ./internal/testing/kafkatest/real -kafkas 3 go test ./relay
//
// With several Kafkas, as many tests of a process run at once, each with one of them.
//
// Kafka comes from Maven Central and is kept under the user's cache directory; Java 17 or newer and Maven are
// needed. Redis is the machine's own redis-server. Those that are missing are installed by apt-get, as root or by
// sudo. The command finds them in ORDERLOOM_TEST_KAFKA_BROKERS and ORDERLOOM_TEST_REDIS_URL; what is given there
// already is not started.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/orderloom/orderloom/internal/testing/freeport"
	"github.com/orderloom/orderloom/internal/testing/kafkatest/apache"
	"github.com/orderloom/orderloom/internal/testing/program"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	kafkas := flag.Int("kafkas", 1, "how many Kafkas to start")
	flag.Parse()
	if err := beside(ctx, *kafkas, flag.Args()); err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) && exit.ExitCode() > 0 {
			os.Exit(exit.ExitCode())
		}
		fmt.Fprintln(os.Stderr, "real:", err)
		os.Exit(1)
	}
}

// beside runs a command beside the servers.
func beside(ctx context.Context, kafkas int, args []string) error {
	if len(args) == 0 || kafkas < 1 {
		return errors.New("usage: real [-kafkas <number>] <command> [<argument>...]")
	}
	dir, err := os.MkdirTemp("", "orderloom-real-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	env := os.Environ()
	needed := map[string][]string{"ORDERLOOM_TEST_KAFKA_BROKERS": {"java", "mvn"}, "ORDERLOOM_TEST_REDIS_URL": {"redis-server"}}
	for variable, programs := range needed {
		if os.Getenv(variable) == "" {
			if err := require(ctx, programs...); err != nil {
				return err
			}
		}
	}
	if err := require(ctx, "pgbouncer", "promtool"); err != nil { // which tests start by themselves
		return err
	}
	if os.Getenv("ORDERLOOM_TEST_KAFKA_BROKERS") == "" {
		var clusters []string
		for i := range kafkas {
			address, stop, err := startKafka(ctx, filepath.Join(dir, fmt.Sprint("kafka-", i)))
			if err != nil {
				return fmt.Errorf("start Kafka: %w", err)
			}
			defer stop()
			clusters = append(clusters, address)
		}
		env = append(env, "ORDERLOOM_TEST_KAFKA_BROKERS="+strings.Join(clusters, ";"))
	}
	if os.Getenv("ORDERLOOM_TEST_REDIS_URL") == "" {
		address, stop, err := startRedis(ctx, filepath.Join(dir, "redis"))
		if err != nil {
			return fmt.Errorf("start Redis: %w", err)
		}
		defer stop()
		env = append(env, "ORDERLOOM_TEST_REDIS_URL=redis://"+address)
	}
	c := exec.CommandContext(ctx, args[0], args[1:]...) //nolint:gosec // running it is what this is for
	c.Env, c.Stdin, c.Stdout, c.Stderr = env, os.Stdin, os.Stdout, os.Stderr
	return c.Run()
}

// startKafka starts a single node with its data in dir.
func startKafka(ctx context.Context, dir string) (address string, stop func(), err error) {
	jars, err := apache.Jars(ctx, say)
	if err != nil {
		return "", nil, err
	}
	server, address, err := apache.Node(ctx, jars, dir, "log.retention.check.interval.ms=1000") // tests wait for it
	if err != nil {
		return "", nil, err
	}
	stop, err = program.Start(ctx, server, filepath.Join(dir, "output"), address)
	return address, stop, err
}

// say tells people what takes long.
func say(format string, args ...any) { fmt.Fprintf(os.Stderr, "real: "+format+"\n", args...) }

func startRedis(ctx context.Context, dir string) (address string, stop func(), err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", nil, err
	}
	ports, err := freeport.Find(ctx, 1)
	if err != nil {
		return "", nil, err
	}
	//nolint:gosec,noctx // a path of ours; it is ended by stop
	server := exec.Command("redis-server", "--port", fmt.Sprint(ports[0]), "--bind", "127.0.0.1", "--dir", dir,
		"--save", "", "--appendonly", "no")
	address = freeport.Address(ports[0])
	stop, err = program.Start(ctx, server, filepath.Join(dir, "output"), address)
	return address, stop, err
}
