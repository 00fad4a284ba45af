// Command real runs another command beside a real Apache Kafka and a real Redis, started for it alone and
// stopped after it:
//
//	go run ./internal/kafkatest/real go test ./relay ./projector
//
// Kafka comes from Maven Central and is kept under the user's cache directory; Java 17 or newer and Maven are
// needed. Redis is the machine's own redis-server. Those that are missing are installed by apt-get, as root or by
// sudo. The command finds them in ORDERLOOM_TEST_KAFKA_BROKERS and ORDERLOOM_TEST_REDIS_URL; what is given there
// already is not started.
package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/google/uuid"
)

const (
	kafkaVersion = "4.1.0"
	startTimeout = time.Minute
	stopTimeout  = 10 * time.Second
)

const pom = `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>orderloom</groupId><artifactId>kafka</artifactId><version>1</version>
<dependencies>
<dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>` + kafkaVersion + `</version></dependency>
<dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version></dependency>
</dependencies></project>`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := beside(ctx, os.Args[1:]); err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) && exit.ExitCode() > 0 {
			os.Exit(exit.ExitCode())
		}
		fmt.Fprintln(os.Stderr, "real:", err)
		os.Exit(1)
	}
}

// beside runs a command beside the servers.
func beside(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return errors.New("usage: real <command> [<argument>...]")
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
	if os.Getenv("ORDERLOOM_TEST_KAFKA_BROKERS") == "" {
		address, stop, err := startKafka(ctx, filepath.Join(dir, "kafka"))
		if err != nil {
			return fmt.Errorf("start Kafka: %w", err)
		}
		defer stop()
		env = append(env, "ORDERLOOM_TEST_KAFKA_BROKERS="+address)
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

// startKafka starts a single node that is broker and controller, with its data in dir.
func startKafka(ctx context.Context, dir string) (address string, stop func(), err error) {
	jars, err := kafkaJars(ctx)
	if err != nil {
		return "", nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", nil, err
	}
	ports, err := freePorts(ctx, 2)
	if err != nil {
		return "", nil, err
	}
	properties := filepath.Join(dir, "server.properties")
	text := fmt.Sprintf(`process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:%[2]d
listeners=PLAINTEXT://127.0.0.1:%[1]d,CONTROLLER://127.0.0.1:%[2]d
advertised.listeners=PLAINTEXT://127.0.0.1:%[1]d
controller.listener.names=CONTROLLER
log.dirs=%[3]s
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
log.retention.check.interval.ms=1000
auto.create.topics.enable=false
`, ports[0], ports[1], filepath.Join(dir, "log"))
	if err := os.WriteFile(properties, []byte(text), 0o600); err != nil {
		return "", nil, err
	}
	classpath := filepath.Join(jars, "*")
	format := exec.CommandContext(ctx, "java", "-cp", classpath, "kafka.tools.StorageTool", "format", "-t", uuid.NewString(), "-c", properties)
	if out, err := format.CombinedOutput(); err != nil {
		return "", nil, fmt.Errorf("format: %w: %s", err, out)
	}
	// The quick compiler alone: the thorough one would take more of two processors, for minutes, than Kafka does.
	//nolint:noctx // it is ended by stop, after the command that uses it
	server := exec.Command("java", "-Xmx512m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC",
		"-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", classpath, "kafka.Kafka", properties)
	return start(ctx, server, filepath.Join(dir, "output"), ports[0])
}

// kafkaJars returns the folder with Kafka's jars, which Maven fetches the first time.
func kafkaJars(ctx context.Context) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "orderloom", "kafka-"+kafkaVersion)
	libs := filepath.Join(dir, "libs")
	complete := filepath.Join(dir, "complete") // what an interrupted Maven has left is not
	if _, err := os.Stat(complete); err == nil {
		return libs, nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	if err := os.WriteFile(filepath.Join(dir, "pom.xml"), []byte(pom), 0o600); err != nil {
		return "", err
	}
	fmt.Fprintln(os.Stderr, "real: fetching Apache Kafka", kafkaVersion, "from Maven Central, once")
	fetch := exec.CommandContext(ctx, "mvn", "-q", "-B", "dependency:copy-dependencies", "-DoutputDirectory="+libs) //nolint:gosec // a path of ours
	fetch.Dir = dir
	if out, err := fetch.CombinedOutput(); err != nil {
		return "", fmt.Errorf("mvn: %w: %s", err, out)
	}
	return libs, os.WriteFile(complete, nil, 0o600)
}

func startRedis(ctx context.Context, dir string) (address string, stop func(), err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", nil, err
	}
	ports, err := freePorts(ctx, 1)
	if err != nil {
		return "", nil, err
	}
	//nolint:gosec,noctx // a path of ours; it is ended by stop
	server := exec.Command("redis-server", "--port", fmt.Sprint(ports[0]), "--bind", "127.0.0.1", "--dir", dir, "--save", "", "--appendonly", "no")
	return start(ctx, server, filepath.Join(dir, "output"), ports[0])
}

// start starts a server and waits until it accepts connections. stop ends it.
func start(ctx context.Context, server *exec.Cmd, output string, port int) (address string, stop func(), err error) {
	log, err := os.Create(output) //nolint:gosec // a path of ours
	if err != nil {
		return "", nil, err
	}
	server.Stdout, server.Stderr = log, log
	server.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C is for the command, which ends first
	if err := server.Start(); err != nil {
		return "", nil, err
	}
	exited := make(chan error, 1)
	go func() { exited <- server.Wait() }()
	stop = func() {
		_ = server.Process.Signal(syscall.SIGTERM)
		select {
		case err := <-exited:
			drop(err)
		case <-time.After(stopTimeout):
			_ = server.Process.Kill()
			drop(<-exited)
		}
	}
	address = fmt.Sprintf("127.0.0.1:%d", port)
	deadline := time.Now().Add(startTimeout)
	for time.Now().Before(deadline) {
		select {
		case err := <-exited:
			text, _ := os.ReadFile(output) //nolint:gosec // a path of ours
			return "", nil, fmt.Errorf("%s ended at once: %w: %s", server.Path, err, strings.TrimSpace(string(text)))
		case <-ctx.Done():
			stop()
			return "", nil, ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
		if c, err := (&net.Dialer{Timeout: time.Second}).DialContext(ctx, "tcp", address); err == nil {
			_ = c.Close()
			return address, stop, nil
		}
	}
	stop()
	return "", nil, fmt.Errorf("%s does not accept connections", server.Path)
}

// drop takes how a server ended that was told to.
func drop(error) {}

// freePorts returns ports that nobody listens on at this moment.
func freePorts(ctx context.Context, n int) ([]int, error) {
	var ports []int
	for range n {
		l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer func() { _ = l.Close() }() // all at the end, so that they differ
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports, nil
}
