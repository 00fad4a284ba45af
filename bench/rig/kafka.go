package rig

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/internal/progress"
)

const kafkaVersion = "4.1.0"

// startKafka starts Apache Kafka where there is Java and Maven, else the embedded broker.
func (r *Rig) startKafka(ctx context.Context) error {
	_, noJava := exec.LookPath("java")
	_, noMaven := exec.LookPath("mvn")
	if !r.options.Embedded && noJava == nil && noMaven == nil {
		libraries, err := r.kafkaLibraries(ctx)
		if err == nil {
			r.Broker = "Apache Kafka " + kafkaVersion
			return r.startApache(ctx, libraries)
		}
		r.options.Log("Kafka can't be had, the embedded broker takes its place: %v", err)
	}
	r.Broker = "embedded broker"
	var err error
	r.kafka, err = r.startStack(ctx, "kafka", "DATABASE_URL="+r.Database, "TEMPORAL_ADDRESS=given")
	if err != nil {
		return err
	}
	r.kafka.address = r.kafka.setting("KAFKA_BROKERS")
	return nil
}

// pom asks Maven for what Kafka consists of.
const pom = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>orderloom</groupId><artifactId>kafka</artifactId><version>1</version>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>` + kafkaVersion + `</version></dependency>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version></dependency>
  </dependencies>
</project>
`

// kafkaLibraries fetches Kafka once and keeps it in the user's cache.
func (r *Rig) kafkaLibraries(ctx context.Context) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "orderloom", "kafka-"+kafkaVersion)
	if _, err := os.Stat(filepath.Join(dir, "complete")); err == nil {
		return filepath.Join(dir, "libs"), nil
	} else if !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	defer progress.Tick(r.options.Log, "fetching Kafka")()
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // nothing secret
		return "", err
	}
	if err := os.WriteFile(filepath.Join(dir, "pom.xml"), []byte(pom), 0o600); err != nil {
		return "", err
	}
	maven := command(ctx, dir, "mvn", "-q", "-B", "dependency:copy-dependencies", "-DoutputDirectory=libs")
	if out, err := maven.CombinedOutput(); err != nil {
		return "", fmt.Errorf("fetch Kafka: %w\n%s", err, out)
	}
	return filepath.Join(dir, "libs"), os.WriteFile(filepath.Join(dir, "complete"), nil, 0o600)
}

func (r *Rig) startApache(ctx context.Context, libraries string) error {
	defer progress.Tick(r.options.Log, "starting Kafka")()
	client, err := FreePort()
	if err != nil {
		return err
	}
	controller, err := FreePort()
	if err != nil {
		return err
	}
	properties := fmt.Sprintf(`process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:%[2]d
listeners=PLAINTEXT://127.0.0.1:%[1]d,CONTROLLER://127.0.0.1:%[2]d
advertised.listeners=PLAINTEXT://127.0.0.1:%[1]d
controller.listener.names=CONTROLLER
log.dirs=%[3]s
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
`, client, controller, filepath.Join(r.Dir, "kafka-data"))
	path := filepath.Join(r.Dir, "kafka.properties")
	if err := os.WriteFile(path, []byte(properties), 0o600); err != nil {
		return err
	}
	classes := filepath.Join(libraries, "*")
	format := command(ctx, r.Dir, "java", "-cp", classes, "kafka.tools.StorageTool", "format", "-t", clusterID(), "-c", path)
	if out, err := format.CombinedOutput(); err != nil {
		return fmt.Errorf("format Kafka's storage: %w\n%s", err, out)
	}
	// The quick compiler alone: the thorough one would take more of two processors, for minutes, than Kafka does.
	r.kafka, err = r.start("kafka", os.Environ(), "java", "-Xms512m", "-Xmx512m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp", classes,
		"-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "kafka.Kafka", path)
	if err != nil {
		return err
	}
	r.kafka.address = net.JoinHostPort("127.0.0.1", fmt.Sprint(client))
	return awaitPort(ctx, r.kafka, r.kafka.address)
}

// clusterID is a random id in Kafka's form.
func clusterID() string {
	id := uuid.New()
	return base64URL(id[:])
}

// awaitPort returns when p takes connections at address.
func awaitPort(ctx context.Context, p *process, address string) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	var dialer net.Dialer
	for {
		conn, err := dialer.DialContext(ctx, "tcp", address)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-p.exited:
			return fmt.Errorf("%s ended at once:\n%s", p.name, p.tail())
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w", p.name, ctx.Err())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// FreePort returns a port on loopback that nobody listens on.
func FreePort() (int, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // at once
	if err != nil {
		return 0, err
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().(*net.TCPAddr).Port, nil
}
