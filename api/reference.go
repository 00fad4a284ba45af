package api

import (
	"context"
	"fmt"
	"time"

	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/readmodel"
	"github.com/orderloom/orderloom/workflows"
)

// claimTimeout is how long a claim of an external reference holds without its order. A request that has claimed one and
// goes on has started its saga by then.
const claimTimeout = time.Minute

// references are what the shop knows the order by.
func (r *newOrder) references() order.References {
	return order.References{ExternalReference: r.ExternalReference, Channel: r.Channel, Metadata: r.Metadata, Tags: r.Tags}
}

// checkReferences brings the references into the form in which they are kept, and names what is wrong.
func (r *newOrder) checkReferences() domain.Invalids {
	kept, err := r.references().Checked()
	r.ExternalReference, r.Tags = kept.ExternalReference, kept.Tags
	return invalids(err)
}

// claimReference claims the external reference of a new order for the account that has the order. Errors:
// external_reference_taken, with where the order stands that has it; unavailable.
//
// A claim whose order was never placed, because the request failed after it, is taken over once it is a minute old.
func (a *API) claimReference(ctx context.Context, in workflows.OrderInput) error {
	reference := in.ExternalReference
	if reference == "" {
		return nil
	}
	claim, err := a.views.ClaimReference(ctx, in.UserID, reference, in.OrderID)
	if err != nil {
		return err
	}
	if claim.OrderID == in.OrderID {
		return nil
	}
	holds, err := a.holdsReference(ctx, claim, reference)
	if err != nil {
		return err
	}
	if !holds {
		taken, err := a.views.TakeReference(ctx, in.UserID, reference, claim.OrderID, in.OrderID)
		if err != nil {
			return err
		}
		if taken {
			return nil
		}
	}
	p := asProblem(domain.Refuse(order.CodeExternalReferenceTaken, "order %s has this external reference", claim.OrderID))
	if o, err := a.order(ctx, claim.OrderID); err == nil {
		return p.Extend("order", stateOf(o))
	}
	return p
}

// holdsReference reports whether an order has the reference that it has claimed, or may still come to.
func (a *API) holdsReference(ctx context.Context, claim readmodel.ReferenceClaim, reference string) (bool, error) {
	shown, provisional, err := a.findOrder(ctx, claim.OrderID, 0)
	switch {
	case err != nil && asProblem(err).Code == domain.CodeNotFound:
		return a.now().Sub(claim.ClaimedAt) < claimTimeout, nil
	case err != nil:
		return false, err
	case provisional:
		return true, nil
	}
	view, err := shown.View()
	if err != nil {
		return false, fmt.Errorf("read the order that has an external reference: %w", err)
	}
	return view.ExternalReference == reference, nil
}
