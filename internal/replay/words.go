package replay

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/converter"
)

// did tells in words what the history did at an event.
func did(e *historypb.HistoryEvent, dc converter.DataConverter) call {
	c := call{words: words(e, dc)}
	if p := e.GetUserMetadata().GetSummary(); p != nil && dc.FromPayload(p, &c.summary) != nil {
		c.summary = ""
	}
	return c
}

func words(e *historypb.HistoryEvent, dc converter.DataConverter) string {
	switch e.GetEventType() {
	case enums.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
		return "schedules the activity " + e.GetActivityTaskScheduledEventAttributes().GetActivityType().GetName()
	case enums.EVENT_TYPE_ACTIVITY_TASK_CANCEL_REQUESTED:
		return fmt.Sprintf("cancels the activity of event %d", e.GetActivityTaskCancelRequestedEventAttributes().GetScheduledEventId())
	case enums.EVENT_TYPE_TIMER_STARTED:
		return fmt.Sprintf("starts a timer of %s", e.GetTimerStartedEventAttributes().GetStartToFireTimeout().AsDuration())
	case enums.EVENT_TYPE_TIMER_CANCELED:
		return fmt.Sprintf("cancels the timer of event %d", e.GetTimerCanceledEventAttributes().GetStartedEventId())
	case enums.EVENT_TYPE_MARKER_RECORDED:
		return markerWords(e.GetMarkerRecordedEventAttributes(), dc)
	case enums.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED:
		a := e.GetStartChildWorkflowExecutionInitiatedEventAttributes()
		return fmt.Sprintf("starts the child %s (%s)", a.GetWorkflowType().GetName(), a.GetWorkflowId())
	case enums.EVENT_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED:
		a := e.GetSignalExternalWorkflowExecutionInitiatedEventAttributes()
		return fmt.Sprintf("sends the signal %s to %s", a.GetSignalName(), a.GetWorkflowExecution().GetWorkflowId())
	case enums.EVENT_TYPE_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED:
		return "cancels the execution " + e.GetRequestCancelExternalWorkflowExecutionInitiatedEventAttributes().GetWorkflowExecution().GetWorkflowId()
	case enums.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES:
		return "sets search attributes"
	case enums.EVENT_TYPE_WORKFLOW_PROPERTIES_MODIFIED:
		return "changes the memo"
	case enums.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED:
		return "accepts the update " + e.GetWorkflowExecutionUpdateAcceptedEventAttributes().GetAcceptedRequest().GetInput().GetName()
	case enums.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_COMPLETED:
		return fmt.Sprintf("answers the update of event %d", e.GetWorkflowExecutionUpdateCompletedEventAttributes().GetAcceptedEventId())
	case enums.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED:
		return "ends"
	case enums.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED:
		return "fails"
	case enums.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED:
		return "ends as cancelled"
	case enums.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW:
		return "continues as new"
	}
	return "has " + e.GetEventType().String()
}

// byCode reports whether saga code caused the event, by a command.
func byCode(e *historypb.HistoryEvent) bool {
	return !strings.HasPrefix(words(e, converter.GetDefaultDataConverter()), "has ")
}

// comparable reports whether the recorder would note a call for the event.
func comparable(e *historypb.HistoryEvent) bool {
	switch e.GetEventType() {
	case enums.EVENT_TYPE_MARKER_RECORDED:
		name := e.GetMarkerRecordedEventAttributes().GetMarkerName()
		return name == "LocalActivity" || name == "SideEffect"
	case enums.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES:
		_, version := e.GetUpsertWorkflowSearchAttributesEventAttributes().GetSearchAttributes().GetIndexedFields()["TemporalChangeVersion"]
		return !version
	case enums.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED, enums.EVENT_TYPE_TIMER_STARTED, enums.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED,
		enums.EVENT_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED, enums.EVENT_TYPE_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED,
		enums.EVENT_TYPE_WORKFLOW_PROPERTIES_MODIFIED, enums.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW:
		return true
	}
	return false
}

func markerWords(m *historypb.MarkerRecordedEventAttributes, dc converter.DataConverter) string {
	first := func(name string, v any) bool {
		payloads := m.GetDetails()[name].GetPayloads()
		return len(payloads) > 0 && dc.FromPayload(payloads[0], v) == nil
	}
	switch m.GetMarkerName() {
	case "LocalActivity":
		var data struct{ ActivityType string }
		if first("data", &data) {
			return "runs the local activity " + data.ActivityType
		}
		return "runs a local activity"
	case "Version":
		var change string
		var version int
		if first("change-id", &change) && first("version", &version) {
			return fmt.Sprintf("takes version %d of the change %s", version, change)
		}
	case "SideEffect":
		return "takes a side effect"
	}
	return "records the marker " + m.GetMarkerName()
}

// Forms of the SDK's messages about a disagreement.
var (
	differs      = regexp.MustCompile(`(?s)history event is (\w+): (.*), replay command is (\w+): (.*)`)
	missing      = regexp.MustCompile(`(?s)missing replay command for (\w+): (.*)`)
	extra        = regexp.MustCompile(`(?s)extra replay command for (\w+): (.*)`)
	noType       = regexp.MustCompile(`unable to find workflow type: ([^\s.]+)`)
	activityName = regexp.MustCompile(`ActivityType:\(Name:([^,)]+)\)`)
	timerOf      = regexp.MustCompile(`StartToFireTimeout:\(?(?:Seconds:)?([^,)]*)`)
	childName    = regexp.MustCompile(`workflow_type:\s*\{\s*name:\s*"([^"]*)"|WorkflowType:\(Name:([^,)]+)\)`)
	markerName   = regexp.MustCompile(`MarkerName:([^,)]+)`)
)

// commandWords tells in words what a command of today's code would do, from how the SDK prints it.
func commandWords(kind, text string) string {
	find := func(r *regexp.Regexp) string {
		for _, group := range append(r.FindStringSubmatch(text), "")[1:] {
			if group != "" {
				return " " + group
			}
		}
		return ""
	}
	switch kind {
	case "ScheduleActivityTask":
		return "schedules the activity" + find(activityName)
	case "StartTimer":
		if seconds, err := strconv.ParseInt(strings.TrimSpace(find(timerOf)), 10, 64); err == nil {
			return fmt.Sprintf("starts a timer of %s", time.Duration(seconds)*time.Second)
		}
		return "starts a timer"
	case "CancelTimer":
		return "cancels a timer"
	case "StartChildWorkflowExecution":
		return "starts the child" + find(childName)
	case "RecordMarker":
		switch name := find(markerName); name {
		case " LocalActivity":
			return "runs a local activity"
		case " SideEffect":
			return "takes a side effect"
		default:
			return "records the marker" + name
		}
	case "UpsertWorkflowSearchAttributes":
		return "sets search attributes"
	case "ModifyWorkflowProperties":
		return "changes the memo"
	case "CompleteWorkflowExecution":
		return "ends"
	case "FailWorkflowExecution":
		return "fails"
	case "ProtocolMessage":
		return "answers an update"
	}
	return "issues the command " + kind
}

// theEvent returns which of the events the SDK's text is about. It is the first of its type when the text does not
// tell them apart, and nil when there is none of the type.
func theEvent(window []*historypb.HistoryEvent, kind, text string) *historypb.HistoryEvent {
	var ofType []*historypb.HistoryEvent
	for _, e := range window {
		if e.GetEventType().String() == kind {
			ofType = append(ofType, e)
		}
	}
	for _, e := range ofType {
		if slices.ContainsFunc(marks(e), func(mark string) bool { return strings.Contains(text, mark) }) {
			return e
		}
	}
	if len(ofType) > 0 {
		return ofType[0]
	}
	return nil
}

// marks is what sets an event apart from others of its type, as the SDK prints it.
func marks(e *historypb.HistoryEvent) []string {
	switch e.GetEventType() {
	case enums.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
		return []string{"ActivityId:" + e.GetActivityTaskScheduledEventAttributes().GetActivityId() + ","}
	case enums.EVENT_TYPE_TIMER_STARTED:
		return []string{"TimerId:" + e.GetTimerStartedEventAttributes().GetTimerId() + ","}
	case enums.EVENT_TYPE_MARKER_RECORDED:
		return []string{fmt.Sprint(e.GetMarkerRecordedEventAttributes().GetDetails())}
	}
	return []string{fmt.Sprintf("EventId:%d,", e.GetEventId()), fmt.Sprintf("event_id:%d ", e.GetEventId())}
}

// unreadable says why dc can't read a payload; nil when it can.
func unreadable(p *commonpb.Payload, dc converter.DataConverter) error {
	var raw converter.RawValue
	if err := dc.FromPayload(p, &raw); err != nil {
		return err
	}
	switch e := string(raw.Payload().GetMetadata()[converter.MetadataEncoding]); e {
	case converter.MetadataEncodingNil, converter.MetadataEncodingBinary, converter.MetadataEncodingJSON,
		converter.MetadataEncodingProto, converter.MetadataEncodingProtoJSON:
		return nil
	default:
		return fmt.Errorf("its encoding is %q: is it encrypted, and are the payload keys given?", e)
	}
}
