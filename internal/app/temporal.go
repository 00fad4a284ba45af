package app

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/orderloom/orderloom/codec"
	"github.com/orderloom/orderloom/internal/config"
	"github.com/orderloom/orderloom/internal/telemetry"
	"github.com/orderloom/orderloom/worker"
	"github.com/orderloom/orderloom/workflows"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/durationpb"
)

// dialTemporal returns a client that connects when it is first used, so that a platform may start
// before its Temporal server.
func dialTemporal(cfg config.Temporal, tel *telemetry.Telemetry, dial ...grpc.DialOption) (client.Client, converter.DataConverter, error) {
	converters, err := codec.NewConverters(payloadCodec(cfg))
	if err != nil {
		return nil, nil, fmt.Errorf("read ORDERLOOM_PAYLOAD_KEYS: %w", err)
	}
	o, err := clientOptions(cfg)
	if err != nil {
		return nil, nil, err
	}
	o.ConnectionOptions.DialOptions = dial
	o.Logger, o.MetricsHandler = tel.TemporalLogger(), tel.TemporalMetrics()
	o.DataConverter, o.FailureConverter = converters.Data, converters.Failure
	o.ContextPropagators = []workflow.ContextPropagator{workflows.Actors{}, workflows.Preconditions{}}
	if o.Interceptors, err = tel.TemporalInterceptors(); err != nil {
		return nil, nil, err
	}
	c, err := client.NewLazyClient(o)
	if err != nil {
		return nil, nil, fmt.Errorf("make a Temporal client for %s: %w", cfg.Address, err)
	}
	return c, converters.Data, nil
}

// clientOptions returns how to reach the Temporal server.
func clientOptions(cfg config.Temporal) (client.Options, error) {
	o := client.Options{HostPort: cfg.Address, Namespace: cfg.Namespace, ConnectionOptions: worker.Connection()}
	if cfg.APIKey != "" {
		o.Credentials = client.NewAPIKeyStaticCredentials(string(cfg.APIKey))
	}
	var err error
	o.ConnectionOptions.TLS, err = clientTLS("Temporal", cfg.TLS)
	return o, err
}

// payloadCodec returns the keys of what the sagas leave at the Temporal server; without keys it stays in
// the clear.
func payloadCodec(cfg config.Temporal) codec.Options {
	o := codec.Options{DecryptOnly: !cfg.EncryptPayloads}
	for _, k := range cfg.PayloadKeys {
		o.Keys = append(o.Keys, codec.Key{ID: k.ID, Secret: k.Key})
	}
	return o
}

// setupTemporal creates the namespace and the search attributes where they are missing. It returns when both can be
// used, which a Temporal server takes some seconds for.
func setupTemporal(ctx context.Context, c client.Client, cfg config.Temporal) error {
	_, err := c.WorkflowService().RegisterNamespace(ctx, namespaceRequest(cfg))
	var exists *serviceerror.NamespaceAlreadyExists
	if err != nil && !errors.As(err, &exists) {
		return fmt.Errorf("create the Temporal namespace %s: %w", cfg.Namespace, err)
	}
	wanted := workflows.SearchAttributes()
	for {
		err := addSearchAttributes(ctx, c, cfg.Namespace, wanted)
		if err == nil {
			break
		}
		if errors.Is(err, errWrongType) || refusedByTemporal(err) {
			return err
		}
		// A new namespace is known to every service of the server only after a while.
		select {
		case <-ctx.Done():
			return fmt.Errorf("create search attributes in Temporal: %w", err)
		case <-time.After(setupPoll):
		}
	}
	return scheduleReconciliation(ctx, c)
}

func namespaceRequest(cfg config.Temporal) *workflowservice.RegisterNamespaceRequest {
	return &workflowservice.RegisterNamespaceRequest{
		Namespace: cfg.Namespace, Description: "Orderloom's sagas", WorkflowExecutionRetentionPeriod: durationpb.New(cfg.Retention),
	}
}

// scheduleReconciliation lets the nightly reconciliation run, unless somebody has set it up before: then
// it stays as they have it.
func scheduleReconciliation(ctx context.Context, c client.Client) error {
	_, err := c.ScheduleClient().Create(ctx, client.ScheduleOptions{
		ID:   workflows.ReconciliationScheduleID,
		Spec: client.ScheduleSpec{CronExpressions: []string{workflows.ReconciliationCron}},
		Action: &client.ScheduleWorkflowAction{
			ID: workflows.ReconciliationScheduleID, Workflow: workflows.ReconciliationSaga, Args: []any{workflows.ReconciliationInput{}}, TaskQueue: workflows.TaskQueue,
		},
		Overlap: enums.SCHEDULE_OVERLAP_POLICY_SKIP,
	})
	if err != nil && !errors.Is(err, temporal.ErrScheduleAlreadyRunning) {
		return fmt.Errorf("schedule the nightly reconciliation: %w", err)
	}
	return nil
}

// setupPoll is how often setup looks whether Temporal has taken over what it created.
const setupPoll = 200 * time.Millisecond

// errWrongType says that somebody made a search attribute of ours with another type.
var errWrongType = errors.New("a search attribute has another type than ours")

func addSearchAttributes(ctx context.Context, c client.Client, namespace string, wanted map[string]enums.IndexedValueType) error {
	have, err := c.OperatorService().ListSearchAttributes(ctx, &operatorservice.ListSearchAttributesRequest{Namespace: namespace})
	if err != nil {
		return err
	}
	missing := map[string]enums.IndexedValueType{}
	for name, kind := range wanted {
		got, ok := have.GetCustomAttributes()[name]
		switch {
		case !ok:
			missing[name] = kind
		case got != kind:
			return fmt.Errorf("%w: %s is a %s in namespace %s and should be a %s", errWrongType, name, got, namespace, kind)
		}
	}
	if len(missing) == 0 {
		return searchable(ctx, c, namespace, wanted)
	}
	_, err = c.OperatorService().AddSearchAttributes(ctx, &operatorservice.AddSearchAttributesRequest{Namespace: namespace, SearchAttributes: missing})
	if err != nil {
		return err
	}
	return errors.New("search attributes were added and are not usable yet")
}

// searchable asks for something by all the attributes: the server lists new ones some seconds before it
// takes them.
func searchable(ctx context.Context, c client.Client, namespace string, wanted map[string]enums.IndexedValueType) error {
	names := slices.Sorted(maps.Keys(wanted))
	query := strings.Join(names, " IS NULL AND ") + " IS NULL"
	_, err := c.WorkflowService().CountWorkflowExecutions(ctx, &workflowservice.CountWorkflowExecutionsRequest{Namespace: namespace, Query: query})
	return err
}
