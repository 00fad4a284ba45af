package broker

import (
	"testing"

	"github.com/segmentio/kafka-go/protocol"
	"github.com/stretchr/testify/require"
)

func TestWhatAnAnswerHoldsOfAPartition(t *testing.T) {
	t.Parallel()
	batch := func(offsets ...int64) protocol.RecordReader {
		var records []protocol.Record
		for _, o := range offsets {
			records = append(records, protocol.Record{Offset: o, Value: protocol.NewBytes([]byte{byte(o)})})
		}
		return &protocol.RecordBatch{Records: protocol.NewRecordReader(records...)}
	}
	end := func(offset int64) protocol.RecordReader {
		return &protocol.ControlBatch{Records: protocol.NewRecordReader(protocol.Record{Offset: offset, Key: protocol.NewBytes(make([]byte, 4))})}
	}
	for name, c := range map[string]struct {
		batches []protocol.RecordReader
		values  []byte
		next    int64
		skipped bool
	}{
		"nothing":                           {nil, nil, 5, false},
		"messages":                          {[]protocol.RecordReader{batch(5, 6), batch(7)}, []byte{5, 6, 7}, 8, false},
		"a batch that begins before":        {[]protocol.RecordReader{batch(3, 4, 5)}, []byte{5}, 6, false},
		"the end of a transaction":          {[]protocol.RecordReader{batch(5), end(6), batch(7)}, []byte{5, 7}, 8, false},
		"only the end of a transaction":     {[]protocol.RecordReader{end(5)}, nil, 6, false},
		"a gap":                             {[]protocol.RecordReader{batch(5), batch(8)}, []byte{5, 8}, 9, true},
		"nothing from the position on":      {[]protocol.RecordReader{batch(3, 4)}, nil, 6, true},
		"nothing left of a compacted batch": {[]protocol.RecordReader{batch()}, nil, 6, true},
	} {
		t.Run(name, func(t *testing.T) {
			var set protocol.RecordSet
			if c.batches != nil {
				set.Records = &protocol.RecordStream{Records: c.batches}
			}
			read, err := contentsOf(&partition{fetched: 5}, set)
			require.NoError(t, err, name)
			var values []byte
			for _, m := range read.messages {
				require.Equal(t, int64(m.Value[0]), m.Offset, name)
				values = append(values, m.Value...)
			}
			require.Equal(t, c.values, values, name)
			require.Equal(t, c.next, read.next, name)
			require.Equal(t, c.skipped, read.skipped, name)
		})
	}
}
