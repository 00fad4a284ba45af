package workflows_test

import (
	"context"

	"github.com/orderloom/orderloom/payments"
)

// takeCut returns how a call of the gateway is to fail. The next one does not.
func (f *faults) takeCut() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	kind := f.cut
	f.cut = ""
	return kind
}

// before returns the gateway with the faults that strike in the middle of a step.
func (f *faults) before(g payments.Gateway) payments.Gateway {
	c := cut{g, f}
	if books, ok := g.(books); ok {
		return cutBooks{c, books}
	}
	return c
}

type books interface {
	payments.LedgerReader
	payments.PayoutReader
}

// cutBooks is a [cut] whose gateway has a ledger.
type cutBooks struct {
	cut
	books
}

// cut is a gateway that can't be reached by one call, or whose answer gets lost.
type cut struct {
	payments.Gateway
	faults *faults
}

func (c cut) Authorize(ctx context.Context, r payments.AuthorizeRequest) (payments.AuthorizeResult, error) {
	return cutting(ctx, c, r, c.Gateway.Authorize)
}

func (c cut) Capture(ctx context.Context, r payments.CaptureRequest) (payments.CaptureResult, error) {
	return cutting(ctx, c, r, c.Gateway.Capture)
}

func (c cut) Void(ctx context.Context, r payments.VoidRequest) error {
	_, err := cutting(ctx, c, r, func(ctx context.Context, r payments.VoidRequest) (struct{}, error) {
		return struct{}{}, c.Gateway.Void(ctx, r)
	})
	return err
}

func (c cut) Refund(ctx context.Context, r payments.RefundRequest) (payments.RefundResult, error) {
	return cutting(ctx, c, r, c.Gateway.Refund)
}

func (c cut) Find(ctx context.Context, r payments.FindRequest) (payments.LedgerEntry, error) {
	return cutting(ctx, c, r, c.Gateway.Find)
}

func cutting[R, A any](ctx context.Context, c cut, request R, call func(context.Context, R) (A, error)) (answer A, err error) {
	kind := c.faults.takeCut()
	if kind == cutBefore {
		return answer, errInjected
	}
	if answer, err = call(ctx, request); kind == cutAfter {
		var lost A
		return lost, errInjected
	}
	return answer, err
}
