package soak

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
)

// shop calls the API of whichever process is there, again and again until one answers.
type shop struct {
	fleet   *fleet
	http    *http.Client
	retries atomic.Int64
}

const (
	requestTimeout = 15 * time.Second
	retryEvery     = 100 * time.Millisecond
	answerBytesMax = 1 << 20
)

func newShop(f *fleet) *shop { return &shop{fleet: f, http: &http.Client{Timeout: requestTimeout}} }

// shown is what the API shows of an order, as far as a buyer looks.
type shown struct {
	OrderID   uuid.UUID `json:"order_id"`
	Status    string    `json:"status"`
	Payment   string    `json:"payment_status"`
	Reason    string    `json:"cancel_reason"`
	Shipments []struct {
		ShipmentID uuid.UUID `json:"shipment_id"`
		Status     string    `json:"status"`
	} `json:"shipments"`
}

// refused is an answer that stays the same however often one asks.
type refused struct {
	status int
	text   string
}

func (r *refused) Error() string { return fmt.Sprintf("%d %s", r.status, r.text) }

// conflicting reports whether what was asked for does not fit the order's state: it may have been done by a
// request before, of which nobody heard.
func conflicting(err error) bool {
	var r *refused
	return errors.As(err, &r) && r.status == http.StatusConflict
}

// call asks until somebody answers, with the same key, for as long as patience lasts. Errors: *refused.
func (s *shop) call(ctx context.Context, method, path, key string, body, into any) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var content []byte
	if body != nil {
		var err error
		if content, err = json.Marshal(body); err != nil {
			return err
		}
	}
	for {
		err := s.once(ctx, method, path, key, content, into)
		var r *refused
		if err == nil || errors.As(err, &r) && r.status < http.StatusInternalServerError && r.status != http.StatusTooManyRequests {
			return err
		}
		s.retries.Add(1)
		if !pause(ctx, retryEvery) {
			return fmt.Errorf("%s %s: nobody answers: %w", method, path, err)
		}
	}
}

var errNobody = errors.New("no process listens")

func (s *shop) once(ctx context.Context, method, path, key string, content []byte, into any) error {
	url := s.fleet.url(rand.IntN(len(s.fleet.members)))
	if url == "" {
		return errNobody
	}
	request, err := http.NewRequestWithContext(ctx, method, url+path, bytes.NewReader(content))
	if err != nil {
		return err
	}
	if content != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	if rand.IntN(2) == 0 {
		request.Header.Set("Prefer", "wait=2") // half of the buyers want to know at once what becomes of their order
	}
	if key != "" {
		request.Header.Set("Idempotency-Key", key)
	}
	response, err := s.http.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(response.Body, answerBytesMax))
	switch {
	case err != nil:
		return err
	case response.StatusCode >= http.StatusMultipleChoices:
		return &refused{response.StatusCode, string(answer)}
	case into == nil:
		return nil
	}
	return json.Unmarshal(answer, into)
}

// receive puts goods into stock, once however often it has to ask.
func receive(ctx context.Context, s *shop, b *books, sku, location string, quantity int, key string) error {
	err := s.call(ctx, http.MethodPost, "/api/v1/stock/receipts", key, map[string]any{"sku": sku, "location": location, "quantity": quantity}, nil)
	if err != nil {
		return fmt.Errorf("receive %d of %s: %w", quantity, sku, err)
	}
	b.moved(sku, location, quantity)
	return nil
}
