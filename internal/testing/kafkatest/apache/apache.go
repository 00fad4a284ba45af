// Package apache runs a single node of the real Apache Kafka, for tests and benchmarks. Its jars come from Maven
// Central and are kept under the user's cache directory; Java 17 or newer and Maven are needed.
package apache

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/internal/progress"
	"github.com/orderloom/orderloom/internal/testing/freeport"
)

// Version is the one that is run.
const Version = "4.1.0"

// pom asks Maven for what Kafka consists of.
const pom = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>orderloom</groupId><artifactId>kafka</artifactId><version>1</version>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>` + Version + `</version></dependency>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version></dependency>
  </dependencies>
</project>
`

// Jars returns the folder with Kafka's jars, which Maven fetches the first time.
func Jars(ctx context.Context, log progress.Log) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "orderloom", "kafka-"+Version)
	libs := filepath.Join(dir, "libs")
	complete := filepath.Join(dir, "complete") // what an interrupted Maven has left is not
	if _, err := os.Stat(complete); err == nil {
		return libs, nil
	} else if !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	defer progress.Tick(log, "fetching Apache Kafka "+Version+" from Maven Central, once")()
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // nothing secret
		return "", err
	}
	if err := os.WriteFile(filepath.Join(dir, "pom.xml"), []byte(pom), 0o600); err != nil {
		return "", err
	}
	fetch := exec.CommandContext(ctx, "mvn", "-q", "-B", "dependency:copy-dependencies", "-DoutputDirectory="+libs) //nolint:gosec // a path of ours
	fetch.Dir = dir
	if out, err := fetch.CombinedOutput(); err != nil {
		return "", fmt.Errorf("fetch Kafka: %w\n%s", err, out)
	}
	return libs, os.WriteFile(complete, nil, 0o600)
}

// Node returns the command of a node that is broker and controller, not started yet, and the address at which it will
// listen. Its data lies in dir, which is made. Settings are lines of its properties beside those that a single node
// needs, or instead of them. In them {address} and {controller} stand for the addresses of the broker's and the
// controller's listener.
func Node(ctx context.Context, jars, dir string, settings ...string) (server *exec.Cmd, address string, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, "", err
	}
	ports, err := freeport.Find(ctx, 2)
	if err != nil {
		return nil, "", err
	}
	address = freeport.Address(ports[0])
	properties := filepath.Join(dir, "server.properties")
	text := fmt.Sprintf(`process.roles=broker,controller
node.id=1
controller.quorum.voters=1@%[2]s
listeners=PLAINTEXT://%[1]s,CONTROLLER://%[2]s
advertised.listeners=PLAINTEXT://%[1]s
controller.listener.names=CONTROLLER
log.dirs=%[3]s
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
%[4]s
`, address, freeport.Address(ports[1]), filepath.Join(dir, "log"),
		strings.NewReplacer("{address}", address, "{controller}", freeport.Address(ports[1])).Replace(strings.Join(settings, "\n")))
	if err := os.WriteFile(properties, []byte(text), 0o600); err != nil {
		return nil, "", err
	}
	classes := filepath.Join(jars, "*")
	format := exec.CommandContext(ctx, "java", "-cp", classes, "kafka.tools.StorageTool", "format", "-t", uuid.NewString(), "-c", properties)
	if out, err := format.CombinedOutput(); err != nil {
		return nil, "", fmt.Errorf("format Kafka's storage: %w\n%s", err, out)
	}
	// The quick compiler alone: the thorough one would take more of two processors, for minutes, than Kafka does.
	//nolint:noctx // it outlives ctx: whoever starts it ends it
	server = exec.Command("java", "-Xms512m", "-Xmx512m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC",
		"-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", classes, "kafka.Kafka", properties)
	return server, address, nil
}
