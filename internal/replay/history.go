package replay

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/temporalproto"
	"go.temporal.io/sdk/client"
)

// Limits of a history. Temporal itself ends an execution at 51,200 events or 50 MB.
const (
	eventsMax    = 60_000
	fileBytesMax = 256 << 20
)

// Read reads a history from JSON, in each form in which tools write it. One is an object with "events": tctl workflow
// show --output_filename, temporal workflow show --output json, the Web UI's download. Others have the same under
// "history" (Temporal's HTTP API), a list of events (older tools), or one event a line (--output jsonl). Names may be
// in camelCase or snake_case, enums spelt EVENT_TYPE_TIMER_STARTED or TimerStarted, payloads whole or in temporal's
// shorthand, where the value stands in their place.
func Read(r io.Reader) (*historypb.History, error) {
	limited := io.LimitReader(r, fileBytesMax+1)
	raw, err := io.ReadAll(limited)
	switch {
	case err != nil:
		return nil, fmt.Errorf("read the history: %w", err)
	case len(raw) > fileBytesMax:
		return nil, fmt.Errorf("read the history: it is larger than %d bytes", fileBytesMax)
	}
	events, err := split(bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf")))
	if err != nil {
		return nil, fmt.Errorf("read the history: %w", err)
	}
	// Newer servers may write fields that this version does not know; they play no part in a replay.
	options := temporalproto.CustomJSONUnmarshalOptions{
		DiscardUnknown: true, Metadata: map[string]any{commonpb.EnablePayloadShorthandMetadataKey: true},
	}
	h := &historypb.History{}
	for i, event := range events {
		e := &historypb.HistoryEvent{}
		if err := options.Unmarshal(event, e); err != nil {
			return nil, fmt.Errorf("read event %d of the history: %w", i+1, err)
		}
		h.Events = append(h.Events, e)
	}
	return h, check(h)
}

// ReadFile reads the history in a file, as [Read] does.
func ReadFile(name string) (*historypb.History, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	return Read(f)
}

// split returns the events' JSON, whatever stands around them.
func split(raw []byte) ([]json.RawMessage, error) {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	var values []json.RawMessage
	for {
		var v json.RawMessage
		if err := decoder.Decode(&v); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, fmt.Errorf("it is not JSON: %w", err)
		}
		if values = append(values, v); len(values) > eventsMax {
			return nil, fmt.Errorf("it has more than %d events", eventsMax)
		}
	}
	if len(values) != 1 {
		return values, nil
	}
	var list []json.RawMessage
	if json.Unmarshal(values[0], &list) == nil {
		return list, nil
	}
	var object struct {
		Events  []json.RawMessage
		History struct{ Events []json.RawMessage }
	}
	if err := json.Unmarshal(values[0], &object); err != nil {
		return nil, errors.New(`it is neither a list of events nor an object with "events"`)
	}
	return append(object.Events, object.History.Events...), nil
}

// Fetch gets the history of an execution; an empty run id means the latest run.
func Fetch(ctx context.Context, c client.Client, workflowID, runID string) (*historypb.History, error) {
	h := &historypb.History{}
	events := c.GetWorkflowHistory(ctx, workflowID, runID, false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		e, err := events.Next()
		if err != nil {
			return nil, fmt.Errorf("fetch the history of %s: %w", workflowID, err)
		}
		if h.Events = append(h.Events, e); len(h.Events) > eventsMax {
			return nil, fmt.Errorf("the history of %s has more than %d events", workflowID, eventsMax)
		}
	}
	return h, check(h)
}

// check tells what is no whole history from one that disagrees.
func check(h *historypb.History) error {
	for i, e := range h.GetEvents() {
		if e.GetEventId() != int64(i+1) {
			return fmt.Errorf("event %d stands at place %d: part of the history is missing", e.GetEventId(), i+1)
		}
	}
	switch {
	case len(h.GetEvents()) == 0:
		return errors.New("there are no events")
	case h.GetEvents()[0].GetWorkflowExecutionStartedEventAttributes() == nil:
		return errors.New("the first event does not start an execution")
	}
	return nil
}
