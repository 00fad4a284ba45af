package sagaclient

import (
	"errors"
	"strings"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/temporal"
)

// attributeBuildIDs is the server's own: which builds have taken up an execution.
const attributeBuildIDs = "BuildIds"

var keyBuildIDs = temporal.NewSearchAttributeKeyKeywordList(attributeBuildIDs)

// buildIDs is the search attribute that the server sets when a worker first runs the saga. Set at the start, it
// leaves the server nothing to write then.
//
// The server would otherwise write an execution into its list three times, which costs more than anything else of an
// order; this saves one. When another build runs the saga, that write is made after all.
func (c *Client) buildIDs() []temporal.SearchAttributeUpdate {
	if c.build == "" || c.refusesBuildIDs.Load() {
		return nil
	}
	return []temporal.SearchAttributeUpdate{keyBuildIDs.ValueSet([]string{"unversioned", "unversioned:" + c.build})}
}

// mustLeaveOutBuildIDs reports whether this start was refused because of the build ids. No start has them from then
// on. The server lets clients set them, but says that a later version may not.
func (c *Client) mustLeaveOutBuildIDs(err error) bool {
	var invalid *serviceerror.InvalidArgument
	if !errors.As(err, &invalid) || !strings.Contains(invalid.Message, attributeBuildIDs) || c.build == "" {
		return false
	}
	c.refusesBuildIDs.Store(true)
	return true
}
