package replay_test

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/orderloom/orderloom/codec"
	"github.com/orderloom/orderloom/internal/replay"
	"github.com/orderloom/orderloom/internal/testing/toysaga"
	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/temporalproto"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

func readFile(t *testing.T, name string) *historypb.History {
	t.Helper()
	h, err := replay.ReadFile(name)
	require.NoError(t, err)
	return h
}

// The files were written by tctl 1.18.0 (workflow show --output_filename) and temporal 1.5.1
// (workflow show --output json) of the same execution.
func TestReadFilesOfTheTools(t *testing.T) {
	t.Parallel()
	want := readFile(t, toyFile)
	require.True(t, proto.Equal(want, readFile(t, "testdata/toy.temporal.json")))

	old := readFile(t, "testdata/toy.tctl.json")
	require.Len(t, old.Events, len(want.Events))
	for i, e := range old.Events {
		require.Equal(t, want.Events[i].GetEventType(), e.GetEventType())
	}
	result, err := replayer(toysaga.Recorded).Replay(t.Context(), old)
	require.NoError(t, err)
	require.Nil(t, result.Disagreement)
}

func TestReadEveryDialect(t *testing.T) {
	t.Parallel()
	want := readFile(t, toyFile)
	camel, err := temporalproto.CustomJSONMarshalOptions{}.Marshal(want)
	require.NoError(t, err)
	var object struct{ Events []json.RawMessage }
	require.NoError(t, json.Unmarshal(camel, &object))
	list, err := json.Marshal(object.Events)
	require.NoError(t, err)
	snake, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(want)
	require.NoError(t, err)
	require.Contains(t, string(snake), "event_id")
	short, err := temporalproto.CustomJSONMarshalOptions{Metadata: map[string]any{commonpb.EnablePayloadShorthandMetadataKey: true}}.Marshal(want)
	require.NoError(t, err)
	require.Contains(t, string(short), `["picked up"]`)

	for name, text := range map[string][]byte{
		"camelCase":          camel,
		"snake_case":         snake,
		"a list":             list,
		"events by line":     bytes.Join(rawLines(object.Events), []byte("\n")),
		"short enums":        shortEnums(camel),
		"shorthand payloads": short,
		"the HTTP API":       []byte(`{"history":` + string(camel) + `,"nextPageToken":null}`),
		"a byte order mark":  append([]byte("\xef\xbb\xbf"), camel...),
		"an unknown field":   bytes.Replace(camel, []byte(`{"eventId"`), []byte(`{"somethingNew":{"a":1},"eventId"`), 1),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := replay.Read(bytes.NewReader(text))
			require.NoError(t, err, name)
			require.Len(t, got.Events, len(want.Events), name)
			if name == "shorthand payloads" { // JSON keeps values, not how they were spelt
				result, err := replayer(toysaga.Recorded).Replay(t.Context(), got)
				require.NoError(t, err)
				require.Nil(t, result.Disagreement)
				return
			}
			require.True(t, proto.Equal(want, got), name)
		})
	}
}

func rawLines(events []json.RawMessage) [][]byte {
	lines := make([][]byte, len(events))
	for i, e := range events {
		lines[i] = e
	}
	return lines
}

// shortEnums spells EVENT_TYPE_TIMER_STARTED as TimerStarted.
func shortEnums(text []byte) []byte {
	return regexp.MustCompile(`"EVENT_TYPE_[A-Z_]+"`).ReplaceAllFunc(text, func(name []byte) []byte {
		v, err := enums.EventTypeFromString(strings.Trim(string(name), `"`))
		if err != nil {
			return name
		}
		return []byte(`"` + v.String() + `"`)
	})
}

func TestReadRefuses(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"nothing":               "",
		"no JSON":               "Progress:",
		"no events":             `{"events":[]}`,
		"something else":        `{"orders":[]}`,
		"a number":              `7`,
		"not from the start":    `{"events":[{"eventId":"2","eventType":"EVENT_TYPE_WORKFLOW_TASK_SCHEDULED"}]}`,
		"another first event":   `{"events":[{"eventId":"1","eventType":"EVENT_TYPE_WORKFLOW_TASK_SCHEDULED"}]}`,
		"a hole":                `[{"eventId":"1","workflowExecutionStartedEventAttributes":{}},{"eventId":"3"}]`,
		"an unknown event type": `[{"eventId":"1","eventType":"EVENT_TYPE_DREAMT"}]`,
	} {
		t.Run(name, func(t *testing.T) {
			_, err := replay.Read(strings.NewReader(text))
			require.Error(t, err, name)
		})
	}
}

func TestEncryptedHistories(t *testing.T) {
	t.Parallel()
	key := codec.Key{ID: "k1", Secret: bytes.Repeat([]byte{1}, codec.SecretBytes)}
	c, err := codec.New(codec.Options{Keys: []codec.Key{key}})
	require.NoError(t, err)
	h := readFile(t, toyFile)
	seal := func(payloads *commonpb.Payloads) {
		payloads.Payloads, err = c.Encode(payloads.Payloads)
		require.NoError(t, err)
	}
	for _, e := range h.Events {
		for _, details := range e.GetMarkerRecordedEventAttributes().GetDetails() {
			seal(details)
		}
		if s := e.GetUserMetadata().GetSummary(); s != nil {
			one := &commonpb.Payloads{Payloads: []*commonpb.Payload{s}}
			seal(one)
			e.UserMetadata.Summary = one.Payloads[0]
		}
	}
	input, err := converter.GetDefaultDataConverter().ToPayloads("an argument")
	require.NoError(t, err)
	seal(input)
	h.Events[0].GetWorkflowExecutionStartedEventAttributes().Input = input

	data, err := codec.DataConverter(key)
	require.NoError(t, err)
	result, err := replay.New(toysaga.Recorded.Sagas(), data).Replay(t.Context(), h)
	require.NoError(t, err)
	require.Nil(t, result.Disagreement)
	result, err = replay.New(toysaga.Recorded.With(toysaga.Skipping("timer")).Sagas(), data).Replay(t.Context(), h)
	require.NoError(t, err)
	require.Equal(t, `starts a timer of 1h0m0s "pickup deadline"`, result.Disagreement.History)

	_, err = replay.New(toysaga.Recorded.Sagas(), nil).Replay(t.Context(), h)
	require.ErrorContains(t, err, `the input of Toy can't be read`)
	other, err := codec.DataConverter(codec.Key{ID: "k2", Secret: key.Secret})
	require.NoError(t, err)
	_, err = replay.New(toysaga.Recorded.Sagas(), other).Replay(t.Context(), h)
	require.ErrorIs(t, err, codec.ErrUnknownKey)
}
