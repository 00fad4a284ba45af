package api

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/location"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/readmodel"
	"github.com/stretchr/testify/require"
)

const (
	goodDetails = `{"metadata": {"bin": "A-17", "shelf": "3"}, "remove_metadata": ["campaign"], "add_tags": [" packed "], "remove_tags": ["rush"]}`
	goodNote    = `{"text": "Has called,\r\nwill be at home.", "author": "ann"}`
)

func TestMetadataAndTagsAreChangedInAnyState(t *testing.T) {
	t.Parallel()
	for _, status := range []order.Status{order.StatusConfirmed, order.StatusDelivered, order.StatusCancelled} {
		t.Run(string(status), func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.givenOrder(t, status, order.ShipmentStatusDelivered)
			b.folds[someOrder] = order.Order{ID: someOrder, Status: status, References: order.References{Tags: []string{"packed"}}}
			answer := b.post(t, orderPath("/details"), goodDetails, "Idempotency-Key", "k")
			require.Equal(t, http.StatusOK, answer.status, answer.body)
			require.JSONEq(t, `{"order_id": "`+someOrder.String()+`", "metadata": {}, "tags": ["packed"]}`, answer.body)
			in := b.detailed[0]
			require.Equal(t, []any{someOrder, "operator", []string{"packed"}, []string{"rush"}}, []any{in.OrderID, in.By, in.Change.AddTags, in.Change.RemoveTags})
			require.Equal(t, map[string]string{"bin": "A-17", "shelf": "3"}, in.Change.Metadata)
			require.Equal(t, []string{"campaign"}, in.Change.RemoveMetadata)
			b.replayed = true
			again := b.post(t, orderPath("/details"), goodDetails, "Idempotency-Key", "k")
			require.Equal(t, "true", again.header.Get("Idempotent-Replayed"))
			require.Equal(t, in.RequestID, b.detailed[1].RequestID)
		})
	}
}

func TestWhatIsWrongWithDetailsIsNamed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.givenOrder(t, order.StatusConfirmed, order.ShipmentStatusPlanned)
	for body, field := range map[string]string{
		`{}`:                       "",
		`{"add_tags": ["\u200b"]}`: "add_tags[0]",
		`{"metadata": {" ": "x"}}`: "metadata",
		`{"add_tags": ["a"], "remove_tags": ["a"]}`: "remove_tags",
	} {
		p := b.post(t, orderPath("/details"), body).problem(t, http.StatusUnprocessableEntity, codeInvalid)
		require.Contains(t, p.fields(), "body:"+field, body)
	}
	require.Empty(t, b.detailed)
	b.post(t, "/api/v1/orders/"+uuid.NewString()+"/details", goodDetails).problem(t, http.StatusNotFound, codeNotFound)
}

func TestANoteIsSealed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.givenOrder(t, order.StatusDelivered, order.ShipmentStatusDelivered)
	answer := b.post(t, orderPath("/notes"), goodNote, "Idempotency-Key", "k")
	require.Equal(t, http.StatusCreated, answer.status, answer.body)
	in := b.noted[0]
	var text string
	require.NoError(t, b.Open(t.Context(), in.Text, &text))
	require.Equal(t, "Has called,\nwill be at home.", text)
	require.Equal(t, "ann", in.Author)
	require.NotContains(t, b.log.String(), "Has called")
	b.post(t, orderPath("/notes"), goodNote, "Idempotency-Key", "k")
	require.Equal(t, in.KnownBy(), b.noted[1].KnownBy(), "the same note again")
	b.post(t, orderPath("/notes"), `{"text": " \u200b ", "author": "ann"}`).problem(t, http.StatusUnprocessableEntity, codeInvalid)
	b.detailsErr = domain.Refuse(order.CodeTooManyNotes, "200 already")
	b.post(t, orderPath("/notes"), goodNote).problem(t, http.StatusConflict, order.CodeTooManyNotes)
}

func TestNotesAreShownUntilTheyAreErased(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.givenOrder(t, order.StatusConfirmed, order.ShipmentStatusPlanned)
	sealed, err := b.Seal(t.Context(), "cust-1001", "Has called.")
	require.NoError(t, err)
	noted := order.Note{NoteID: uuid.New(), Text: sealed, Author: "ann", NotedAt: time.Date(2026, 11, 27, 8, 0, 0, 0, time.UTC)}
	b.folds[someOrder] = order.Order{ID: someOrder, Status: order.StatusConfirmed, Notes: []order.Note{noted}}
	require.Contains(t, b.get(t, orderPath("/notes")).body, `"author":"ann","noted_at":"2026-11-27T08:00:00Z","text":"Has called."`)
	b.erased["cust-1001"] = true
	require.Contains(t, b.get(t, orderPath("/notes")).body, `"text":null,"erased":true`)
}

func TestAnExternalReferenceNamesOneOrder(t *testing.T) {
	t.Parallel()
	b := setup(t)
	body := withReference(t, " WEB-1 ")
	first := b.post(t, "/api/v1/orders", body, "Idempotency-Key", "first")
	require.Equal(t, http.StatusCreated, first.status, first.body)
	var placed struct {
		OrderID uuid.UUID `json:"order_id"`
	}
	require.NoError(t, json.Unmarshal([]byte(first.body), &placed))
	require.Equal(t, "WEB-1", b.started[placed.OrderID].ExternalReference)
	require.Equal(t, http.StatusCreated, b.post(t, "/api/v1/orders", body, "Idempotency-Key", "first").status, "the same request again")

	second := b.post(t, "/api/v1/orders", body, "Idempotency-Key", "second")
	second.problem(t, http.StatusConflict, order.CodeExternalReferenceTaken)
	require.Contains(t, second.body, placed.OrderID.String())
	require.Len(t, b.started, 1)
	require.Equal(t, http.StatusCreated, b.post(t, "/api/v1/orders", withReference(t, "WEB-2")).status)
}

// A claim whose order was never accepted is taken over, but not while that may still happen.
func TestAClaimWithoutItsOrderIsTakenOver(t *testing.T) {
	t.Parallel()
	b := setup(t)
	gone := uuid.New()
	b.claims["/WEB-1"] = readmodel.ReferenceClaim{OrderID: gone, ClaimedAt: time.Now()}
	b.post(t, "/api/v1/orders", withReference(t, "WEB-1")).problem(t, http.StatusConflict, order.CodeExternalReferenceTaken)
	b.claims["/WEB-1"] = readmodel.ReferenceClaim{OrderID: gone, ClaimedAt: time.Now().Add(-2 * claimTimeout)}
	require.Equal(t, http.StatusCreated, b.post(t, "/api/v1/orders", withReference(t, "WEB-1")).status)
	require.NotEqual(t, gone, b.claims["/WEB-1"].OrderID)

	// So is one by an order that was placed with another reference.
	v := b.givenOrder(t, order.StatusConfirmed, order.ShipmentStatusPlanned)
	v.ExternalReference = "WEB-9"
	b.views[someOrder] = v
	b.claims["/WEB-8"] = readmodel.ReferenceClaim{OrderID: someOrder, ClaimedAt: time.Now()}
	require.Equal(t, http.StatusCreated, b.post(t, "/api/v1/orders", withReference(t, "WEB-8")).status)
	b.claims["/WEB-9"] = readmodel.ReferenceClaim{OrderID: someOrder, ClaimedAt: time.Now().Add(-2 * claimTimeout)}
	b.post(t, "/api/v1/orders", withReference(t, "WEB-9")).problem(t, http.StatusConflict, order.CodeExternalReferenceTaken)
}

func withReference(t *testing.T, reference string) string {
	t.Helper()
	var body map[string]any
	require.NoError(t, json.Unmarshal([]byte(goodOrder), &body))
	body["external_reference"] = reference
	text, err := json.Marshal(body)
	require.NoError(t, err)
	return string(text)
}

func TestListsOfParts(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.net = location.Network{Locations: []location.Location{{ID: "berlin", Active: true}}}
	b.partPage = readmodel.PartPage{NextCursor: "abc", Parts: []readmodel.Part{{
		OrderID: someOrder, OrderNumber: "ORD-7K3M-9Q2X-41TB", CustomerID: "cust-1001", OrderedAt: time.Date(2026, 11, 27, 8, 0, 0, 0, time.UTC),
		JSON: json.RawMessage(`{"return_id": "` + someOrder.String() + `", "status": "received", "amount": {"amount": "1.00", "currency": "EUR"}}`),
	}}}
	answer := b.get(t, "/api/v1/returns?customer_id=cust-1001&updated_since=2026-11-27T08:00:00Z&limit=3")
	require.Equal(t, http.StatusOK, answer.status, answer.body)
	require.Contains(t, answer.body, `"ordered_at":"2026-11-27T08:00:00Z","return":{"return_id"`)
	require.Contains(t, answer.body, `"next_cursor":"abc"`)
	require.Equal(t, readmodel.PartQuery{
		Kind: readmodel.PartReturns, CustomerID: "cust-1001", UpdatedSince: time.Date(2026, 11, 27, 8, 0, 0, 0, time.UTC), Limit: 3,
	}, b.partQuery)
	b.partPage = readmodel.PartPage{}
	for path, kind := range map[string]readmodel.PartKind{
		"/api/v1/payments?status=captured": readmodel.PartPayments, "/api/v1/refunds?status=paid": readmodel.PartRefunds,
		"/api/v1/returns?status=approved":                  readmodel.PartReturns,
		"/api/v1/shipments?status=planned&location=berlin": readmodel.PartShipments,
	} {
		require.Equal(t, http.StatusOK, b.get(t, path).status, path)
		require.Equal(t, kind, b.partQuery.Kind)
		require.NotEmpty(t, b.partQuery.Status)
	}
	require.Equal(t, "berlin", func() string { b.get(t, "/api/v1/shipments?location=berlin"); return b.partQuery.Location }())
	b.stockPage = readmodel.StockPage{Levels: []readmodel.StockLevel{{SKU: "CUPS", Backordered: 3}}}
	require.Contains(t, b.get(t, "/api/v1/stock?backordered=true&sku=CUPS").body, `{"sku":"CUPS","on_hand":0,"reserved":0,"available":0,"backordered":3`)
	require.Equal(t, readmodel.StockQuery{SKU: "CUPS", Backordered: true}, b.stockQuery)
	require.Equal(t, http.StatusOK, b.get(t, "/api/v1/stock?location=berlin").status)
	for _, path := range []string{"/api/v1/shipments?location=nowhere", "/api/v1/stock?location=nowhere"} {
		p := b.get(t, path).problem(t, http.StatusUnprocessableEntity, codeInvalid)
		require.Equal(t, []string{"query:location"}, p.fields())
		require.Contains(t, p.Errors[0].Message, "nowhere")
	}
	b.get(t, "/api/v1/payments?status=unheard").problem(t, http.StatusUnprocessableEntity, codeInvalid)
	b.get(t, "/api/v1/refunds?created_from=2026-11-28T00:00:00Z&created_to=2026-11-27T00:00:00Z").problem(t, http.StatusUnprocessableEntity, codeInvalid)
}
