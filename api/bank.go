package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"errors"
	"html/template"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/api/httpx"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/payments"
	"github.com/orderloom/orderloom/workflows"
)

//go:embed bank.html
var bankHTML string

//go:embed bank.css
var bankCSS string

var bankPage = template.Must(template.New("bank").Parse(bankHTML))

// bankView is what the page of the bank shows.
type bankView struct {
	Style                   template.CSS
	Reference, Order, Total string
	// Waits is true while the customer is asked. Otherwise Confirmed tells how that has ended, and Pending that it is
	// not recorded yet.
	Waits, Confirmed, Pending bool
}

const (
	// bankWait is how long the page waits until what was chosen is recorded, and bankPause is between two looks.
	bankWait  = 4 * time.Second
	bankPause = 50 * time.Millisecond
)

// getBank shows the page on which a person confirms a payment of the sandbox, or declines to:
// GET /sandbox/bank/{reference}. The reference is the order's id, and whoever has it may open the page.
func (a *API) getBank(ctx context.Context, x *httpx.Exchange) error {
	o, p, err := a.bankPayment(ctx, x)
	if err != nil {
		return err
	}
	return a.showBank(x, o, p, false)
}

// atBank carries out what a person has chosen on the page: POST /sandbox/bank/{reference}/confirm and …/decline. It may
// be repeated: a payment that does not wait any more stays as it is.
func (a *API) atBank(approve bool) httpx.Handler {
	return func(ctx context.Context, x *httpx.Exchange) error {
		o, p, err := a.bankPayment(ctx, x)
		if err != nil {
			return err
		}
		chosen := p.Status == payment.StatusActionRequired
		if chosen {
			err := a.sandbox.ConfirmAtBank(ctx, workflows.BankConfirmation{OrderID: o.ID, Approve: approve})
			if err != nil && domain.Code(err) != payments.CodeGatewayRefused { // it was chosen before
				return err
			}
			if p, err = a.awaitBank(ctx, o.ID); err != nil {
				return err
			}
		}
		return a.showBank(x, o, p, chosen)
	}
}

// bankPayment returns the order that the page is about, and its payment. Error: not_found where there was never
// anything to confirm.
func (a *API) bankPayment(ctx context.Context, x *httpx.Exchange) (o order.Order, p payment.Payment, err error) {
	id := x.UUID("reference")
	if err := x.Invalid(); err != nil {
		return o, p, err
	}
	x.About("order_id", id)
	if o, err = a.history.Order(ctx, id); err == nil {
		p, err = a.history.Payment(ctx, id)
	}
	if domain.Code(err) == domain.CodeNotFound || err == nil && p.ID == uuid.Nil {
		return o, p, newProblem(domain.CodeNotFound, "there is no payment %s to confirm", id)
	}
	return o, p, err
}

// awaitBank waits a while until what was chosen is recorded.
func (a *API) awaitBank(ctx context.Context, id uuid.UUID) (p payment.Payment, err error) {
	wait, cancel := context.WithTimeout(ctx, bankWait)
	defer cancel()
	for {
		if p, err = a.history.Payment(ctx, id); err != nil || p.Status != payment.StatusActionRequired {
			return p, err
		}
		select {
		case <-wait.Done():
			return p, nil
		case <-time.After(bankPause):
		}
	}
}

// showBank answers with the page. Chosen says that the person has just chosen.
func (a *API) showBank(x *httpx.Exchange, o order.Order, p payment.Payment, chosen bool) error {
	asked := p.Status == payment.StatusActionRequired
	view := bankView{
		Style: template.CSS(bankCSS), Reference: o.ID.String(), Order: o.Number, Total: o.Total.String(), //nolint:gosec // ours
		Waits: asked && !chosen, Pending: asked && chosen, Confirmed: p.Status == payment.StatusAuthorized || p.Captured.IsPositive(),
	}
	var page bytes.Buffer
	if err := bankPage.Execute(&page, view); err != nil {
		return errors.Join(errors.New("render the page of the bank"), err)
	}
	h := x.Writer.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", bankPolicy)
	x.Writer.WriteHeader(http.StatusOK)
	_, _ = x.Writer.Write(page.Bytes()) // the caller may be gone
	return nil
}

// bankPolicy lets the page show its style, and be sent to where it came from. No other page may frame it.
var bankPolicy = func() string {
	sum := sha256.Sum256([]byte(bankCSS))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
		"'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
}()
