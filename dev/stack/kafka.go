package stack

import (
	"context"
	"path/filepath"
	"strings"

	"github.com/twmb/franz-go/pkg/kfake"
)

// startKafka runs the broker. As in production, a topic is not created when it is named; setup creates topics.
func (s *Stack) startKafka(opts Options) error {
	for try := 1; ; try++ {
		cluster, err := runKafka(opts)
		if err == nil {
			s.KafkaBrokers = strings.Join(cluster.ListenAddrs(), ",")
			watching, stopWatching := context.WithCancel(context.Background())
			go watchMembers(cluster, memberSilence).run(watching)
			s.stops = append(s.stops, stop{"the Kafka broker", func(context.Context) error {
				stopWatching()
				cluster.Close()
				return nil
			}})
			return nil
		}
		if try == startTries || !portTaken(err) {
			return err
		}
	}
}

func runKafka(opts Options) (*kfake.Cluster, error) {
	port, err := free("the Kafka broker", opts.Ports.Kafka, opts.Log)
	if err != nil {
		return nil, err
	}
	options := []kfake.Opt{kfake.NumBrokers(1), kfake.Ports(port)}
	if opts.Dir != "" {
		options = append(options, kfake.DataDir(filepath.Join(opts.Dir, "kafka")))
	}
	return kfake.NewCluster(options...)
}
