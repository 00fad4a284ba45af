// Package client answers Temporal's server for workers that it starts itself: there are none, and none can be had.
package client

import (
	"context"

	deploymentpb "go.temporal.io/api/deployment/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/auto-scaled-workers/wci/workflow/iface"
	"go.uber.org/fx"
)

// Refusal is the message of every request to have the server start workers.
const Refusal = "this server can't start workers: go.temporal.io/auto-scaled-workers is left out of the development build (dev/lean)"

// Client has those methods of the real client that the server calls. A namespace is of no importance here, so that this
// module doesn't need the server's.
type Client interface {
	// DescribeWorkerControllerInstance returns NotFound, as the real one does of a version without such workers.
	DescribeWorkerControllerInstance(ctx context.Context, namespace any, version *deploymentpb.WorkerDeploymentVersion) (
		*iface.QueryDescribeWorkerControllerInstanceResponse, []byte, error)
	// UpdateWorkerControllerInstance returns InvalidArgument with the refusal.
	UpdateWorkerControllerInstance(
		ctx context.Context, namespace any, version *deploymentpb.WorkerDeploymentVersion, conflictToken []byte, identity string,
		upsert map[string]iface.ScalingGroupSpecUpdate, remove []string,
	) (*iface.UpdateWorkerControllerInstanceResponse, error)
	// ValidateWorkerControllerInstanceSpec returns InvalidArgument with the refusal.
	ValidateWorkerControllerInstanceSpec(
		ctx context.Context, namespace any, version *deploymentpb.WorkerDeploymentVersion, identity string,
		upsert map[string]iface.ScalingGroupSpecUpdate, remove []string,
	) error
	// DeleteWorkerControllerInstance does nothing, as the real one with a version without such workers.
	DeleteWorkerControllerInstance(ctx context.Context, namespace any, version *deploymentpb.WorkerDeploymentVersion, identity string) error
}

// Module provides the Client.
var Module = fx.Provide(func() Client { return refusing{} })

type refusing struct{}

func (refusing) DescribeWorkerControllerInstance(
	context.Context, any, *deploymentpb.WorkerDeploymentVersion,
) (*iface.QueryDescribeWorkerControllerInstanceResponse, []byte, error) {
	return nil, nil, serviceerror.NewNotFound(Refusal)
}

func (refusing) UpdateWorkerControllerInstance(
	context.Context, any, *deploymentpb.WorkerDeploymentVersion, []byte, string, map[string]iface.ScalingGroupSpecUpdate, []string,
) (*iface.UpdateWorkerControllerInstanceResponse, error) {
	return nil, serviceerror.NewInvalidArgument(Refusal)
}

func (refusing) ValidateWorkerControllerInstanceSpec(
	context.Context, any, *deploymentpb.WorkerDeploymentVersion, string, map[string]iface.ScalingGroupSpecUpdate, []string,
) error {
	return serviceerror.NewInvalidArgument(Refusal)
}

func (refusing) DeleteWorkerControllerInstance(context.Context, any, *deploymentpb.WorkerDeploymentVersion, string) error {
	return nil
}
