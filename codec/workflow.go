package codec

import (
	"context"
	"errors"
	"fmt"

	"go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
)

// dataConverter is a data converter under which no execution fails for want of a key. The SDK fails an execution whose
// input can't be decoded, and drops a signal. In a workflow, a payload that this process can't decrypt panics instead.
// That fails the workflow task, which is tried again, and by another process too.
//
// Where a workflow takes anything (a [converter.RawValue]), it is still an error. That is a request, and whoever made
// it must not stop a workflow with it.
type dataConverter struct {
	converter.DataConverter
	inWorkflow *workflowConverter
}

var _ converter.ContextAware = dataConverter{}

func newDataConverter(parent converter.DataConverter) converter.DataConverter {
	return dataConverter{DataConverter: parent, inWorkflow: &workflowConverter{parent}}
}

// WithContext implements [converter.ContextAware].
func (d dataConverter) WithContext(context.Context) converter.DataConverter { return d }

// WithWorkflowContext implements [converter.ContextAware].
func (d dataConverter) WithWorkflowContext(converter.WorkflowContext) converter.DataConverter {
	return d.inWorkflow
}

// workflowConverter is a [dataConverter] within a workflow.
type workflowConverter struct{ converter.DataConverter }

// FromPayload implements [converter.DataConverter].
func (w *workflowConverter) FromPayload(p *common.Payload, value any) error {
	err := w.DataConverter.FromPayload(p, value)
	panicWithoutKey(err, []*common.Payload{p}, []any{value})
	return err
}

// FromPayloads implements [converter.DataConverter].
func (w *workflowConverter) FromPayloads(p *common.Payloads, values ...any) error {
	err := w.DataConverter.FromPayloads(p, values...)
	panicWithoutKey(err, p.GetPayloads(), values)
	return err
}

func panicWithoutKey(err error, payloads []*common.Payload, values []any) {
	if !errors.Is(err, ErrUnknownKey) && !errors.Is(err, ErrDamaged) && !errors.Is(err, converter.ErrEncodingIsNotSupported) {
		return
	}
	for i, value := range values {
		if _, anything := value.(*converter.RawValue); anything || i >= len(payloads) {
			continue
		}
		if metadata := payloads[i].GetMetadata(); string(metadata[converter.MetadataEncoding]) == Encoding {
			panic(fmt.Sprintf("a payload under the key %q can't be decrypted here (ORDERLOOM_PAYLOAD_KEYS): %v", metadata[MetadataKeyID], err))
		}
	}
}
