package order

import (
	"slices"

	"github.com/orderloom/orderloom/domain"
)

// Limits of what an order is found by.
const (
	TagsMax      = 50
	TagLengthMax = 40
)

// CodeExternalReferenceTaken refuses an order whose external reference another order of the same caller has.
const CodeExternalReferenceTaken domain.ErrorCode = "external_reference_taken"

// References are what a shop knows an order by. They decide nothing about what the order holds or costs.
type References struct {
	// ExternalReference is the shop's own name of the order. No two orders of one caller have the same.
	ExternalReference string `json:"external_reference,omitempty"`
	// Channel is where the order came from, such as a shop, a market place or a branch.
	Channel string `json:"channel,omitempty"`
	// Metadata is the shop's own. It is kept and shown.
	Metadata map[string]string `json:"metadata,omitempty"`
	// Tags are sorted, each once.
	Tags []string `json:"tags,omitempty"`
}

// Checked returns the references as they are kept: trimmed, the tags sorted. Errors: [domain.Invalids], which names
// every wrong field with its JSON path.
func (r References) Checked() (References, error) {
	var bad domain.Invalids
	r.ExternalReference = domain.Trim(r.ExternalReference)
	bad.Text("external_reference", r.ExternalReference, TextLengthMax)
	if r.Channel != "" {
		bad.ID("channel", r.Channel)
	}
	checkMetadata(&bad, "metadata", r.Metadata)
	r.Tags = checkedTags(&bad, "tags", r.Tags)
	if len(r.Tags) > TagsMax {
		bad.Add("tags", "an order has at most %d tags, got %d", TagsMax, len(r.Tags))
	}
	return r, bad.Err()
}

// checkedTags returns tags trimmed, sorted, and each once.
func checkedTags(bad *domain.Invalids, field string, tags []string) []string {
	out := make([]string, 0, len(tags))
	for i, tag := range tags {
		tag = domain.Trim(tag)
		bad.Required(path(field, i), tag, TagLengthMax)
		out = append(out, tag)
	}
	if len(out) == 0 {
		return nil
	}
	slices.Sort(out)
	return slices.Compact(out)
}
