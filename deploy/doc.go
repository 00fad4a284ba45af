// Package deploy holds what the platform is deployed with, and the tests of that.
//
// helm/orderloom is the chart, helm/values has values to begin with, and kubernetes the same as plain manifests.
// prometheus has alert rules, which the chart takes as they are. docs/kubernetes.md tells how to use them.
package deploy
