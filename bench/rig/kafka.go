package rig

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/orderloom/orderloom/internal/progress"
	"github.com/orderloom/orderloom/internal/testing/kafkatest/apache"
)

// startKafka starts Apache Kafka where there is Java and Maven, else the embedded broker.
func (r *Rig) startKafka(ctx context.Context) error {
	_, noJava := exec.LookPath("java")
	_, noMaven := exec.LookPath("mvn")
	if !r.options.Embedded && noJava == nil && noMaven == nil {
		jars, err := apache.Jars(ctx, r.options.Log)
		if err == nil {
			r.Broker = "Apache Kafka " + apache.Version
			return r.startApache(ctx, jars)
		}
		r.options.Log("Kafka can't be had, the embedded broker takes its place: %v", err)
	}
	r.Broker = "embedded broker"
	var err error
	r.kafka, err = r.startStack(ctx, "kafka", "temporal")
	if err != nil {
		return err
	}
	r.kafka.address = r.kafka.setting("KAFKA_BROKERS")
	return nil
}

func (r *Rig) startApache(ctx context.Context, jars string) error {
	defer progress.Tick(r.options.Log, "starting Kafka")()
	server, address, err := apache.Node(ctx, jars, filepath.Join(r.Dir, "kafka-data"))
	if err != nil {
		return err
	}
	r.kafka, err = r.start("kafka", os.Environ(), server.Path, server.Args[1:]...)
	if err != nil {
		return err
	}
	r.kafka.address = address
	return r.kafka.awaitConnections(ctx, address)
}
