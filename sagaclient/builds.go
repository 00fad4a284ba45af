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

// buildIDs is what the server makes of BuildIds when a worker first takes up the saga, which it then finds there and has
// nothing to write. Of the three times that it would otherwise write an execution into its list, which is the dearest
// part of an order, this is one. That another build takes up the saga costs that write, and nothing else.
func (c *Client) buildIDs() []temporal.SearchAttributeUpdate {
	if c.build == "" || c.refusesBuildIDs.Load() {
		return nil
	}
	return []temporal.SearchAttributeUpdate{keyBuildIDs.ValueSet([]string{"unversioned", "unversioned:" + c.build})}
}

// mustLeaveOutBuildIDs is true when this start was refused because of them, and then there are none any more: the server lets
// clients set them, but says that a later version may not.
func (c *Client) mustLeaveOutBuildIDs(err error) bool {
	var invalid *serviceerror.InvalidArgument
	if !errors.As(err, &invalid) || !strings.Contains(invalid.Message, attributeBuildIDs) || c.build == "" {
		return false
	}
	c.refusesBuildIDs.Store(true)
	return true
}
