// Package workercomponent would run the workflows by which Temporal's server starts workers.
package workercomponent

import "go.uber.org/fx"

// Module provides nothing: package client refuses what would start such a workflow.
var Module = fx.Options()
