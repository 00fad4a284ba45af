package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/api/httpx"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/readmodel"
)

// listPayments shows a page of payments: GET /api/v1/payments.
func (a *API) listPayments(ctx context.Context, x *httpx.Exchange) error {
	return a.listParts(ctx, x, readmodel.PartPayments, "payment")
}

// listRefunds shows a page of refunds: GET /api/v1/refunds.
func (a *API) listRefunds(ctx context.Context, x *httpx.Exchange) error {
	return a.listParts(ctx, x, readmodel.PartRefunds, "refund")
}

// listReturns shows a page of returns: GET /api/v1/returns.
func (a *API) listReturns(ctx context.Context, x *httpx.Exchange) error {
	return a.listParts(ctx, x, readmodel.PartReturns, "return")
}

// listShipments shows a page of shipments: GET /api/v1/shipments.
func (a *API) listShipments(ctx context.Context, x *httpx.Exchange) error {
	return a.listParts(ctx, x, readmodel.PartShipments, "shipment")
}

// listParts shows a page of parts of orders, each with the order that it belongs to.
func (a *API) listParts(ctx context.Context, x *httpx.Exchange, kind readmodel.PartKind, member string) error {
	if err := a.checkLocation(ctx, x); err != nil {
		return err
	}
	page, err := a.views.Parts(ctx, readmodel.PartQuery{
		Kind: kind, Status: x.QueryText("status"), OrderID: x.UUID("order_id"), CustomerID: x.QueryText("customer_id"), Location: x.QueryText("location"),
		CreatedFrom: x.QueryTime("created_from"), CreatedTo: x.QueryTime("created_to"), UpdatedSince: x.QueryTime("updated_since"),
		Cursor: x.QueryText("cursor"), Limit: int(x.QueryInt("limit")),
	})
	switch {
	case domain.Code(err) == domain.CodeInvalid: // a cursor that is none, or belongs to another query
		return httpx.InvalidQuery(err)
	case err != nil:
		return err
	}
	return x.Page(string(kind), len(page.Parts), page.NextCursor, func(b []byte, i int) ([]byte, error) {
		p := page.Parts[i]
		of, err := json.Marshal(partOf{OrderID: p.OrderID, OrderNumber: p.OrderNumber, CustomerID: p.CustomerID, OrderedAt: p.OrderedAt})
		b = append(b, of[:len(of)-1]...)
		b = append(append(append(b, `,"`...), member...), `":`...)
		return append(append(b, p.JSON...), '}'), err
	})
}

// checkLocation refuses a location that there is not, for the list would be empty.
func (a *API) checkLocation(ctx context.Context, x *httpx.Exchange) error {
	if !x.HasQuery("location") {
		return nil
	}
	network, err := a.network(ctx)
	if err != nil {
		return err
	}
	var refusal *domain.Error
	if errors.As(network.Check(x.QueryText("location")), &refusal) {
		return httpx.Invalid([]httpx.FieldError{{In: httpx.InQuery, Field: "location", Message: refusal.Message}})
	}
	return nil
}

// partOf is the order that a part belongs to.
type partOf struct {
	OrderID     uuid.UUID `json:"order_id"`
	OrderNumber string    `json:"order_number"`
	CustomerID  string    `json:"customer_id"`
	OrderedAt   time.Time `json:"ordered_at"`
}

// listStock shows a page of stock levels: GET /api/v1/stock.
func (a *API) listStock(ctx context.Context, x *httpx.Exchange) error {
	if err := a.checkLocation(ctx, x); err != nil {
		return err
	}
	page, err := a.views.StockLevels(ctx, readmodel.StockQuery{
		SKU: x.QueryText("sku"), Location: x.QueryText("location"), Backordered: x.QueryText("backordered") == "true",
		Cursor: x.QueryText("cursor"), Limit: int(x.QueryInt("limit")),
	})
	switch {
	case domain.Code(err) == domain.CodeInvalid:
		return httpx.InvalidQuery(err)
	case err != nil:
		return err
	}
	network, err := a.network(ctx)
	if err != nil {
		return err
	}
	return x.Page("stock", len(page.Levels), page.NextCursor, func(b []byte, i int) ([]byte, error) {
		l := page.Levels[i]
		if here, _ := network.Location(l.Location); !here.Active || network.Backordered[l.SKU] {
			l.Available = 0
		}
		text, err := json.Marshal(listedLevel{
			SKU: l.SKU, Location: l.Location, OnHand: l.OnHand, Reserved: l.Reserved, Available: l.Available, Backordered: l.Backordered,
			UpdatedAt: l.UpdatedAt, Version: l.Version,
		})
		return append(b, text...), err
	})
}

// listedLevel is a SKU at a location, or the orders that wait for a SKU: they have no location.
type listedLevel struct {
	SKU         string    `json:"sku"`
	Location    string    `json:"location,omitempty"`
	OnHand      int       `json:"on_hand"`
	Reserved    int       `json:"reserved"`
	Available   int       `json:"available"`
	Backordered int       `json:"backordered,omitempty"`
	UpdatedAt   time.Time `json:"updated_at"`
	Version     int64     `json:"version"`
}

// getCustomerTotals shows what a customer's orders come to, by currency: GET /api/v1/customers/{customer_id}.
func (a *API) getCustomerTotals(ctx context.Context, x *httpx.Exchange) error {
	id := x.Param("customer_id")
	totals, err := a.views.CustomerTotals(ctx, id)
	switch {
	case domain.Code(err) == domain.CodeNotFound:
		return newProblem(domain.CodeNotFound, "no order of this customer is known")
	case err != nil:
		return fmt.Errorf("read the totals of a customer: %w", err)
	}
	body := customerBody{CustomerID: id, Totals: totals}
	for _, t := range totals {
		body.Orders += t.Orders
	}
	x.Writer.Header().Set("Cache-Control", "private, no-cache")
	return x.JSON(http.StatusOK, body)
}

type customerBody struct {
	CustomerID string                     `json:"customer_id"`
	Orders     int                        `json:"orders"`
	Totals     []readmodel.CustomerTotals `json:"totals"`
}
