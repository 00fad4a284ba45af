package api

import (
	"context"
	"errors"
	"time"

	"github.com/orderloom/orderloom/api/httpx"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/readmodel"
)

// ContactIndex computes by what orders of an email address or phone number are found.
type ContactIndex interface {
	// Emails and Phones return what an order's entry may have. Ok is false for a text that is no email address, or no
	// phone number with its country's code.
	Emails(text string) (macs [][]byte, ok bool)
	Phones(text string) (macs [][]byte, ok bool)
}

// CodeContactsUnindexed refuses to look for contacts where the platform has no key of their index.
const CodeContactsUnindexed domain.ErrorCode = "contacts_unindexed"

// orderSearch is the body of POST /api/v1/orders/search. It has the filters of the list of orders, and those that must
// not stand in the address of a request, because proxies log it.
type orderSearch struct {
	Email             string     `json:"email"`
	Phone             string     `json:"phone"`
	CustomerID        string     `json:"customer_id"`
	Status            string     `json:"status"`
	PaymentStatus     string     `json:"payment_status"`
	FulfillmentStatus string     `json:"fulfillment_status"`
	ExternalReference string     `json:"external_reference"`
	Channel           string     `json:"channel"`
	Tag               string     `json:"tag"`
	SKU               string     `json:"sku"`
	Attention         string     `json:"attention"`
	Settled           *bool      `json:"settled"`
	OrderNumber       string     `json:"order_number"`
	CreatedFrom       *time.Time `json:"created_from"`
	CreatedTo         *time.Time `json:"created_to"`
	UpdatedSince      *time.Time `json:"updated_since"`
	Currency          string     `json:"currency"`
	TotalMin          string     `json:"total_min"`
	TotalMax          string     `json:"total_max"`
	Sort              string     `json:"sort"`
	Cursor            string     `json:"cursor"`
	Limit             int        `json:"limit"`
	Expand            []string   `json:"expand"`
}

// Check names filters that no order can fit, as the list does.
func (s *orderSearch) Check() error {
	q, bad := s.query()
	if len(bad) == 0 && crossed(q.TotalMin, q.TotalMax) {
		bad.Add("total_max", crossedMessage)
	}
	if s.CreatedFrom != nil && s.CreatedTo != nil && !s.CreatedFrom.Before(*s.CreatedTo) {
		bad.Add("created_to", "must be after created_from")
	}
	if s.Currency != "" && !money.KnownCurrency(s.Currency) {
		bad.Add("currency", unknownCurrencyMessage, domain.Clip(s.Currency))
	}
	byTotal := s.TotalMin != "" || s.TotalMax != "" || s.Sort == readmodel.SortTotal || s.Sort == readmodel.SortTotalReverse
	if byTotal && s.Currency == "" {
		bad.Add("currency", "is required with total_min, total_max and sort=total: amounts of different currencies don't compare")
	}
	return bad.Err()
}

// query is the search without the contact.
func (s *orderSearch) query() (q readmodel.OrderQuery, bad domain.Invalids) {
	q = readmodel.OrderQuery{
		CustomerID: s.CustomerID, Status: s.Status, PaymentStatus: s.PaymentStatus, SKU: s.SKU, Attention: s.Attention,
		Settled: s.Settled, NumberPrefix: s.OrderNumber, Currency: s.Currency, Sort: s.Sort, Cursor: s.Cursor, Limit: s.Limit, Personal: len(s.Expand) > 0,
	}
	q.FulfillmentStatus, q.ExternalReference, q.Channel, q.Tag = s.FulfillmentStatus, s.ExternalReference, s.Channel, s.Tag
	if s.UpdatedSince != nil {
		q.UpdatedSince = *s.UpdatedSince
	}
	if s.CreatedFrom != nil {
		q.CreatedFrom = *s.CreatedFrom
	}
	if s.CreatedTo != nil {
		q.CreatedTo = *s.CreatedTo
	}
	q.TotalMin = searchedTotal(&bad, "total_min", s.TotalMin, s.Currency)
	q.TotalMax = searchedTotal(&bad, "total_max", s.TotalMax, s.Currency)
	return q, bad
}

// searchedTotal returns a total to compare with, nil for none. It blames one that is no amount in the currency.
func searchedTotal(bad *domain.Invalids, field, text, currency string) *money.Money {
	if text == "" || currency == "" {
		return nil
	}
	amount, err := money.Parse(text, currency)
	var refusal *domain.Error
	switch {
	case errors.As(err, &refusal) && refusal.Code != money.CodeUnknownCurrency: // that one is named by Check
		bad.Add(field, "%s", refusal.Message)
	}
	return &amount
}

// searchOrders shows a page of orders: POST /api/v1/orders/search. It changes nothing, and may be repeated.
func (a *API) searchOrders(ctx context.Context, x *httpx.Exchange, s *orderSearch) error {
	q, _ := s.query() // Check has seen what is wrong
	var bad domain.Invalids
	if s.Email != "" || s.Phone != "" {
		if a.contacts == nil {
			return newProblem(CodeContactsUnindexed, "")
		}
		var email, phone bool
		if q.Emails, email = a.contacts.Emails(s.Email); s.Email != "" && !email {
			bad.Add("email", "is no email address, such as name@example.com")
		}
		if q.Phones, phone = a.contacts.Phones(s.Phone); s.Phone != "" && !phone {
			bad.Add("phone", "is no phone number with its country's code, such as +49 30 123456")
		}
		if s.Email == "" {
			q.Emails = nil
		}
		if s.Phone == "" {
			q.Phones = nil
		}
	}
	if err := bad.Err(); err != nil {
		return err
	}
	return a.answerList(ctx, x, q)
}
