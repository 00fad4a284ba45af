package workflows

import (
	"github.com/orderloom/orderloom/activities"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/inventory"
	"github.com/orderloom/orderloom/domain/order"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// validateEditOrder refuses what can't be done, before anything is written to the history.
func (s *orderSaga) validateEditOrder(r EditRequest) error {
	if err := order.CanEdit(s.order()); err != nil {
		return s.refusal(err)
	}
	if err := r.Edit().Check(); err != nil {
		return activities.Refusal(err)
	}
	return activities.Refusal(order.CheckAsker(r.By))
}

// editOrder changes what the order holds. Where that costs more than is authorised, the gateway is asked before. A
// request to cancel the order ends that.
func (s *orderSaga) editOrder(ctx workflow.Context, r EditRequest) (replayed bool, err error) {
	if err := s.validateEditOrder(r); err != nil {
		return false, err
	}
	var a *activities.Activities
	out, err := runStep(ctx, "Edit the order", a.EditOrder, activities.EditOrder{
		OrderID: s.in.OrderID, RequestID: r.RequestID, RequestHash: r.RequestHash, Add: r.Add, Set: r.Lines, Reason: r.Reason, By: r.By,
		Keep: s.in.KeepPaymentMethod, At: now(ctx),
	})
	if err != nil {
		return false, err
	}
	s.undoEdit(out.Goods, !out.Ask.IsZero())
	if out.Ask.IsZero() {
		return out.Replayed, s.adoptEdited(ctx, out)
	}
	declined, err := s.payForEdit(ctx, out)
	if err == nil && declined != "" {
		err = s.refusal(domain.Refuse(order.CodeEditDeclined, "order %s stays as it was: %s", s.state.OrderNumber, declined))
	}
	return false, err
}

// undoEdit pushes what undoes an edit when the order is cancelled: whose money is asked for as well as one that was
// carried out.
func (s *orderSaga) undoEdit(goods []inventory.Line, underWay bool) {
	if len(goods) > 0 && len(order.Lines(s.in.Items)) == 0 { // else what was reserved before is released with them
		s.undo.push(func(ctx workflow.Context) error {
			return releaseStock(ctx, InventoryInput{OrderID: s.in.OrderID, Lines: goods}, false)
		})
	}
	if underWay {
		s.undo.push(func(ctx workflow.Context) error {
			_, err := s.finishEdit(ctx, "")
			return err
		})
	}
}

// payForEdit asks for the money of an edit and finishes it. Declined is why the edit has changed nothing.
func (s *orderSaga) payForEdit(ctx workflow.Context, edit activities.Edited) (declined domain.ErrorCode, err error) {
	ctx, s.stopDispatch = workflow.WithCancel(ctx)
	defer func() { s.stopDispatch = nil }()
	var a *activities.Activities
	in := s.paymentInput(ctx, edit.Ask)
	answer, err := runStep(ctx, "Authorise "+in.Amount.String()+" for the edited order", a.AuthorizePayment, activities.AuthorizePayment{
		OrderID: in.OrderID, Amount: in.Amount, Token: in.Token, Sealed: in.Sealed, Again: true, Keep: in.Keep, Within: in.Within,
		At: now(ctx),
	})
	refused := refusalCode(err)
	if err != nil && refused == "" {
		return "", err
	}
	if err == nil {
		s.lookAt = answer.LookAt
	}
	out, err := s.finishEdit(ctx, refused)
	if err != nil {
		return "", err
	}
	return out.Declined, s.adoptEdited(ctx, out)
}

func (s *orderSaga) finishEdit(ctx workflow.Context, refused domain.ErrorCode) (activities.Edited, error) {
	var a *activities.Activities
	out, err := runStep(ctx, "Finish the edit", a.FinishEdit, activities.FinishEdit{OrderID: s.in.OrderID, Refused: refused, At: now(ctx)})
	if err == nil {
		signalServed(ctx, out.Served)
	}
	return out, err
}

// adoptEdited takes over the order as it is after an edit.
func (s *orderSaga) adoptEdited(ctx workflow.Context, out activities.Edited) error {
	s.in.Items, s.partlyCancelled = out.Items, out.PartlyCancelled
	if err := s.adoptMoved(ctx, out.Moved); err != nil {
		return err
	}
	return s.settleCaptures(ctx, out.Moved, "what was captured in excess")
}

// resumeEdit goes on with an edit whose money an earlier saga was asking for. A cancelled order undoes it.
func (s *orderSaga) resumeEdit(ctx workflow.Context) error {
	if s.standing.Edit == nil || s.state.Status == order.StatusCancelled {
		return nil
	}
	declined, err := s.payForEdit(ctx, *s.standing.Edit)
	if declined != "" {
		workflow.GetLogger(ctx).Info("An edit was declined.", "code", declined)
	}
	if temporal.IsCanceledError(err) && s.cancelRequest != nil || refusalCode(err) != "" {
		return nil // the order is cancelled, or is as it was
	}
	return err
}
