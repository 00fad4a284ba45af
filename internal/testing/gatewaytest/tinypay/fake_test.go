package tinypay

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/internal/testing/gatewaytest"
	"github.com/orderloom/orderloom/payments"
	"github.com/orderloom/orderloom/payments/sandbox"
	"github.com/stretchr/testify/require"
)

// fake is a TinyPay: it speaks its language, and lets the sandbox keep the money.
type fake struct {
	*httptest.Server
	money *sandbox.Gateway

	mu     sync.Mutex
	breaks map[string]bool // by operation: whether the request takes effect before its answer gets lost
}

func startFake(t *testing.T) *fake {
	t.Helper()
	ledger, err := sandbox.Open("")
	require.NoError(t, err)
	f := &fake{money: ledger, breaks: map[string]bool{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /payments/{payment}", f.operation(gatewaytest.Authorize, f.authorize))
	mux.HandleFunc("POST /holds/{hold}/captures", f.operation(gatewaytest.Capture, f.capture))
	mux.HandleFunc("POST /payments/{payment}/close", f.operation(gatewaytest.Void, f.void))
	mux.HandleFunc("POST /holds/{hold}/refunds", f.operation(gatewaytest.Refund, f.refund))
	mux.HandleFunc("GET /payments", f.list)
	f.Server = httptest.NewServer(mux)
	t.Cleanup(f.Close)
	return f
}

// form is the body of any request.
type form struct {
	Order, Payment   uuid.UUID
	Amount, Captured money.Money
	Token            string
	Replaces         string
	Abandons         string
	AskedAt          time.Time `json:"asked_at"`
}

// operation carries out a request, unless its answer is to get lost.
func (f *fake) operation(o gatewaytest.Operation, do func(r *http.Request, key string, in form) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var in form
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil || r.Header.Get("Authorization") != "Bearer key" {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		f.mu.Lock()
		effect, broken := f.breaks[string(o)]
		delete(f.breaks, string(o))
		f.mu.Unlock()
		if broken && !effect {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		answer, err := do(r, r.Header.Get("Idempotency-Key"), in)
		switch {
		case broken:
			w.WriteHeader(http.StatusBadGateway)
		case err != nil:
			w.WriteHeader(http.StatusConflict)
		default:
			_ = json.NewEncoder(w).Encode(answer)
		}
	}
}

func (f *fake) authorize(r *http.Request, key string, in form) (any, error) {
	id := uuid.MustParse(r.PathValue("payment"))
	result, err := f.money.Authorize(r.Context(), payments.AuthorizeRequest{
		IdempotencyKey: key, AskedAt: in.AskedAt, PaymentID: id, OrderID: in.Order, Amount: in.Amount, Token: in.Token,
		Replaces: in.Replaces, Abandons: in.Abandons,
	})
	status := map[payment.Status]string{payment.StatusAuthorized: "held", payment.StatusActionRequired: "waiting"}[result.Status]
	return map[string]any{
		"id": result.GatewayRef, "status": status, "reason": result.DeclineCode, "confirm_url": result.ActionURL, "expires_at": result.ExpiresAt,
	}, err
}

func (f *fake) capture(r *http.Request, key string, in form) (any, error) {
	taken, err := f.money.Capture(r.Context(), payments.CaptureRequest{
		IdempotencyKey: key, AskedAt: in.AskedAt, PaymentID: in.Payment, GatewayRef: r.PathValue("hold"), Amount: in.Amount,
	})
	return map[string]any{"id": taken.Ref, "amount": taken.Amount}, err
}

func (f *fake) void(r *http.Request, key string, in form) (any, error) {
	return map[string]string{}, f.money.Void(r.Context(), payments.VoidRequest{
		IdempotencyKey: key, PaymentID: uuid.MustParse(r.PathValue("payment")), Captured: in.Captured,
	})
}

func (f *fake) refund(r *http.Request, key string, in form) (any, error) {
	result, err := f.money.Refund(r.Context(), payments.RefundRequest{
		IdempotencyKey: key, PaymentID: in.Payment, GatewayRef: r.PathValue("hold"), Amount: in.Amount,
	})
	return map[string]string{"id": result.Ref}, err
}

func (f *fake) list(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != "Bearer key" {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	accounts := []account{}
	if r.FormValue("from") == "" {
		id, _ := uuid.Parse(r.FormValue("payment"))
		entry, err := f.money.Find(r.Context(), payments.FindRequest{PaymentID: id, GatewayRef: r.FormValue("hold")})
		if err == nil && entry.PaymentID != uuid.Nil {
			accounts = append(accounts, accountOf(entry))
		}
		_ = json.NewEncoder(w).Encode(accounts)
		return
	}
	from, _ := time.Parse(time.RFC3339Nano, r.FormValue("from"))
	to, _ := time.Parse(time.RFC3339Nano, r.FormValue("to"))
	for e, err := range f.money.Ledger(r.Context(), from, to) {
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		accounts = append(accounts, accountOf(e))
	}
	_ = json.NewEncoder(w).Encode(accounts)
}

// accountOf is TinyPay's account of a payment whose money the sandbox keeps.
func accountOf(e payments.LedgerEntry) account {
	status := map[payment.Status]string{
		payment.StatusAuthorized: "held", payment.StatusActionRequired: "waiting", payment.StatusVoided: "closed",
	}[e.Authorization.Status]
	a := account{
		Payment: e.PaymentID, Order: e.OrderID, ID: path.Base(e.Refs[0]), Status: status, Reason: e.Authorization.DeclineCode,
		ConfirmURL: e.Authorization.ActionURL, ExpiresAt: e.Authorization.ExpiresAt, Amount: e.Authorization.Amount,
		Held: e.Balance.Held, Captured: e.Balance.Captured, Refunded: e.Balance.Refunded,
	}
	for _, event := range e.Events {
		a.Events = append(a.Events, movementOf(event))
	}
	return a
}

func movementOf(e payments.Event) movement {
	m := movement{ID: e.Ref, Key: e.Key, Reason: e.Code, Amount: e.Amount, At: e.At}
	for word, kind := range kinds {
		if kind == e.Kind {
			m.Kind = word
		}
	}
	return m
}

// report is what TinyPay sends of the last thing that has happened to a payment.
func (f *fake) report(w *Webhook, paymentID uuid.UUID) ([]byte, http.Header) {
	entry, _ := f.money.Find(context.Background(), payments.FindRequest{PaymentID: paymentID})
	body, _ := json.Marshal(map[string]any{
		"event": fmt.Sprintf("ev_%s_%d", paymentID, len(entry.Events)), "payment": paymentID, "order": entry.OrderID, "hold": entry.Refs[0],
		"movement": movementOf(entry.Events[len(entry.Events)-1]),
	})
	at := strconv.FormatInt(time.Now().Unix(), 10)
	return body, http.Header{headerTime: {at}, headerSignature: {hex.EncodeToString(w.sign(at, body))}}
}
