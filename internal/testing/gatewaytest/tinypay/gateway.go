package tinypay

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/payments"
)

// requestTimeout bounds one request.
const requestTimeout = 10 * time.Second

// Gateway implements [payments.Gateway] and [payments.LedgerReader].
type Gateway struct{ url, key string }

// region authorize

// Authorize implements [payments.Gateway].
func (g *Gateway) Authorize(ctx context.Context, r payments.AuthorizeRequest) (payments.AuthorizeResult, error) {
	var answer struct {
		ID, Status, Reason string
		ConfirmURL         string    `json:"confirm_url"`
		ExpiresAt          time.Time `json:"expires_at"`
	}
	err := g.post(ctx, "/payments/"+r.PaymentID.String(), r.IdempotencyKey, map[string]any{
		"order": r.OrderID, "amount": r.Amount, "token": r.Token, "asked_at": r.AskedAt, "replaces": r.Replaces, "abandons": r.Abandons,
	}, &answer)
	if err != nil {
		return payments.AuthorizeResult{}, err
	}
	return resultOf(answer.Status, payments.AuthorizeResult{
		GatewayRef: answer.ID, ExpiresAt: answer.ExpiresAt, ActionURL: answer.ConfirmURL, DeclineCode: answer.Reason,
	}), nil
}

// resultOf puts TinyPay's word for where an authorisation stands into ours. A decline is an answer.
func resultOf(status string, result payments.AuthorizeResult) payments.AuthorizeResult {
	switch status {
	case "held":
		result.Status = payment.StatusAuthorized
	case "waiting":
		result.Status = payment.StatusActionRequired
	case "closed":
		result.Status = payment.StatusVoided
	default:
		result.Status = payment.StatusDeclined
	}
	return result
}

// endregion

// Capture implements [payments.Gateway].
func (g *Gateway) Capture(ctx context.Context, r payments.CaptureRequest) (payments.CaptureResult, error) {
	moved, err := g.move(ctx, "/holds/"+url.PathEscape(r.GatewayRef)+"/captures", r.IdempotencyKey, map[string]any{
		"payment": r.PaymentID, "amount": r.Amount, "asked_at": r.AskedAt,
	})
	return payments.CaptureResult{Ref: moved.ID, Amount: moved.Amount}, err
}

// Void implements [payments.Gateway]. TinyPay closes the payment by our id, so that an authorisation which
// is still under way finds it closed. It gives back what it has taken beyond what we know of.
func (g *Gateway) Void(ctx context.Context, r payments.VoidRequest) error {
	return g.post(ctx, "/payments/"+r.PaymentID.String()+"/close", r.IdempotencyKey, map[string]any{"captured": r.Captured}, nil)
}

// Refund implements [payments.Gateway]. The reason stays with us: it may be a person's words.
func (g *Gateway) Refund(ctx context.Context, r payments.RefundRequest) (payments.RefundResult, error) {
	moved, err := g.move(ctx, "/holds/"+url.PathEscape(r.GatewayRef)+"/refunds", r.IdempotencyKey, map[string]any{
		"payment": r.PaymentID, "amount": r.Amount,
	})
	return payments.RefundResult{Ref: moved.ID}, err
}

// moved is what TinyPay says that it has taken or given back.
type moved struct {
	ID     string
	Amount money.Money
}

// move asks to take or to give back money. The same key gives the same answer.
func (g *Gateway) move(ctx context.Context, path, key string, body map[string]any) (answer moved, err error) {
	err = g.post(ctx, path, key, body, &answer)
	return answer, err
}

// region post

// post makes a request under its idempotency key. Errors: gateway_refused for a 409; in all other cases
// [payments.ErrNoAnswer], because the request may have taken effect.
func (g *Gateway) post(ctx context.Context, path, key string, body map[string]any, answer any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, g.url+path, bytes.NewReader(text))
	if err != nil {
		return err
	}
	request.Header.Set("Idempotency-Key", key)
	return g.do(request, answer)
}

func (g *Gateway) do(request *http.Request, answer any) error {
	request.Header.Set("Authorization", "Bearer "+g.key)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return payments.NoAnswer(err)
	}
	defer func() { _ = response.Body.Close() }()
	switch {
	case response.StatusCode == http.StatusUnauthorized:
		return payments.NoAnswer(payments.ErrCredentials)
	case response.StatusCode == http.StatusConflict:
		return domain.Refuse(payments.CodeGatewayRefused, "TinyPay refuses %s", request.URL.Path)
	case response.StatusCode != http.StatusOK:
		return payments.NoAnswer(fmt.Errorf("tinypay answers %s", response.Status))
	case answer == nil:
		return nil
	}
	if err := json.NewDecoder(response.Body).Decode(answer); err != nil {
		return payments.NoAnswer(err)
	}
	return nil
}

// endregion

// region find

// Find implements [payments.Gateway].
func (g *Gateway) Find(ctx context.Context, r payments.FindRequest) (payments.LedgerEntry, error) {
	query := url.Values{"payment": {r.PaymentID.String()}, "hold": {r.GatewayRef}}
	accounts, err := g.list(ctx, query)
	if err != nil || len(accounts) == 0 { // a payment that TinyPay never heard of is no error
		return payments.LedgerEntry{}, err
	}
	return accounts[0].entry(), nil
}

// endregion
