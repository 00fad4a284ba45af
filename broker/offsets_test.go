package broker_test

import (
	"sync/atomic"
	"testing"

	"github.com/orderloom/orderloom/broker"
	"github.com/orderloom/orderloom/internal/testing/eventtest"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func TestEndsOfAllPartitionsTakeARequestForEachBroker(t *testing.T) {
	t.Parallel()
	const brokers, partitions = 2, 6
	b := setupFaulty(t, brokers, partitions)
	events := eventtest.Lives(4, 5)
	b.publish(events)
	var requests atomic.Int32
	b.cluster.ControlKey(int16(kmsg.ListOffsets), func(kmsg.Request) (kmsg.Response, error, bool) {
		requests.Add(1)
		b.cluster.KeepControl()
		return nil, nil, false
	})

	ends, err := b.writer.Ends(t.Context())
	require.NoError(t, err)

	require.Len(t, ends, partitions*(len(broker.Topics())+1), "those of customers' keys as well")
	var sum int64
	for _, end := range ends {
		sum += end
	}
	require.EqualValues(t, len(events), sum)
	require.EqualValues(t, brokers, requests.Load())
}

func TestEndsAreNotToldWithoutThatOfAPartition(t *testing.T) {
	t.Parallel()
	b := setupFaulty(t, 1, 3)
	b.cluster.ControlKey(int16(kmsg.ListOffsets), func(r kmsg.Request) (kmsg.Response, error, bool) {
		b.cluster.KeepControl()
		request, ok := r.(*kmsg.ListOffsetsRequest)
		require.True(t, ok)
		response, ok := request.ResponseKind().(*kmsg.ListOffsetsResponse)
		require.True(t, ok)
		for _, topic := range request.Topics {
			answer := kmsg.ListOffsetsResponseTopic{Topic: topic.Topic}
			for _, p := range topic.Partitions[1:] {
				answer.Partitions = append(answer.Partitions, kmsg.ListOffsetsResponseTopicPartition{Partition: p.Partition})
			}
			response.Topics = append(response.Topics, answer)
		}
		return response, nil, true
	})

	_, err := b.writer.Ends(t.Context())

	require.ErrorContains(t, err, "offsets of ")
}
