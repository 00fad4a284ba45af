package tinypay

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/payments"
)

// Headers of a report: its time in seconds since 1970, and the HMAC-SHA256 of time, "." and body.
const (
	headerTime      = "Tinypay-Time"
	headerSignature = "Tinypay-Signature"
)

// signatureLife is how far a report's time may be from ours.
const signatureLife = 5 * time.Minute

// Webhook implements [payments.Webhook].
type Webhook struct{ secret []byte }

// region webhook

// Parse implements [payments.Webhook].
func (w *Webhook) Parse(body []byte, header http.Header, now time.Time) (payments.Event, error) {
	at := header.Get(headerTime)
	seconds, err := strconv.ParseInt(at, 10, 64)
	given, hexErr := hex.DecodeString(header.Get(headerSignature))
	if err != nil || hexErr != nil || !hmac.Equal(given, w.sign(at, body)) {
		return payments.Event{}, domain.Refuse(payments.CodeSignature, "the report is not TinyPay's")
	}
	if now.Sub(time.Unix(seconds, 0)).Abs() > signatureLife {
		return payments.Event{}, domain.Refuse(payments.CodeSignature, "the report is too old")
	}
	var report struct {
		Event, Hold    string
		Payment, Order uuid.UUID
		Movement       movement
	}
	if err := json.Unmarshal(body, &report); err != nil || report.Event == "" {
		return payments.Event{}, domain.Refuse(payments.CodeNotAnEvent, "the body is signed and is no report of TinyPay's")
	}
	e := report.Movement.event(report.Payment, report.Order, report.Hold)
	e.ID = report.Event
	return e, nil
}

// endregion

func (w *Webhook) sign(at string, body []byte) []byte {
	mac := hmac.New(sha256.New, w.secret)
	mac.Write([]byte(at + "."))
	mac.Write(body)
	return mac.Sum(nil)
}
