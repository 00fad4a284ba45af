package readmodel

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/stretchr/testify/require"
)

// cursorLists decode a cursor as each list does, and write again what they took.
var cursorLists = map[string]func(cursor string, bad *domain.Invalids) (again string){
	"orders": func(cursor string, bad *domain.Invalids) string {
		return writeCursor(OrderQuery{Cursor: cursor}.decodeCursor(bad, byCreated))
	},
	"orders by total": func(cursor string, bad *domain.Invalids) string {
		return writeCursor(OrderQuery{Cursor: cursor, Sort: SortTotal, Currency: "EUR"}.decodeCursor(bad, byTotal))
	},
	"shipments": func(cursor string, bad *domain.Invalids) string {
		return writeCursor(PartQuery{Cursor: cursor, Kind: PartShipments}.decodeCursor(bad))
	},
	"stock": func(cursor string, bad *domain.Invalids) string {
		return writeCursor(StockQuery{Cursor: cursor}.decodeCursor(bad))
	},
	"attention": func(cursor string, bad *domain.Invalids) string {
		return writeCursor(AttentionQuery{Cursor: cursor}.decodeCursor(bad))
	},
	"invoices": func(cursor string, bad *domain.Invalids) string {
		return writeCursor(invoiceCursor{InvoiceQuery{Cursor: cursor}.decodeCursor(bad), InvoiceQuery{}.fingerprint()})
	},
}

// sampleCursors are such as the lists return.
func sampleCursors() []string {
	at, id := time.Date(2026, 11, 27, 9, 30, 0, 120_000_000, time.UTC), uuid.MustParse("3f0f2c5e-5d0a-5b8e-9d53-6f2f9a0f7c11")
	return []string{
		OrderQuery{}.cursorAfter(id, sortKey{at: at}), OrderQuery{Sort: SortTotal, Currency: "EUR"}.cursorAfter(id, sortKey{total: "19.90"}),
		PartQuery{Kind: PartShipments}.cursorAfter(Part{OrderedAt: at, OrderID: id}, 2), StockQuery{}.cursorAfter(StockLevel{SKU: "A<&>", Location: "berlin"}),
		attentionCursor{FirstSince: at, Since: at, ID: id, Subject: id}.text(AttentionQuery{}), InvoiceQuery{}.cursorAfter(7),
	}
}

// FuzzCursors gives anything to each list as a cursor. What is taken is what a list has written, to the letter, and
// holds nothing that PostgreSQL can't read.
func FuzzCursors(f *testing.F) {
	for _, cursor := range sampleCursors() {
		f.Add(cursor)
	}
	for _, json := range forgedCursors() {
		f.Add(base64.RawURLEncoding.EncodeToString([]byte(json)))
	}
	f.Add("bnVsbA\n")
	f.Fuzz(func(t *testing.T, cursor string) {
		if cursor == "" {
			return
		}
		for name, decode := range cursorLists {
			var bad domain.Invalids
			again := decode(cursor, &bad)
			if bad.Err() != nil {
				continue
			}
			require.Equal(t, cursor, again, name)
			b, err := base64.RawURLEncoding.DecodeString(cursor)
			require.NoError(t, err)
			require.True(t, utf8.Valid(b) && !strings.ContainsRune(string(b), 0), name)
		}
	})
}

// forgedCursors are cursors that a caller makes up, for the lists that they belong to.
func forgedCursors() (forged []string) {
	orders, parts, stock := OrderQuery{}.fingerprint(), PartQuery{Kind: PartShipments}.fingerprint(), StockQuery{}.fingerprint()
	byTotal := OrderQuery{Sort: SortTotal, Currency: "EUR"}.fingerprint()
	const id = `"i":"3f0f2c5e-5d0a-5b8e-9d53-6f2f9a0f7c11"`
	for _, key := range []string{"0000-01-01T00:00:00Z", "2026-01-01T00:00:00+23:59", "9999-12-31T23:59:60Z", "infinity", "now", ""} {
		forged = append(forged, `{"k":"`+key+`",`+id+`,"q":"`+orders+`"}`, `{"k":"`+key+`",`+id+`,"q":"`+parts+`","n":1}`)
	}
	for _, key := range []string{"1e999999999", "NaN", "0x1p4", "1_000", strings.Repeat("9", 200_000), "0." + strings.Repeat("0", 20_000) + "1"} {
		forged = append(forged, `{"k":"`+key+`",`+id+`,"q":"`+byTotal+`"}`)
	}
	return append(forged,
		`{"k":"2026-01-01T00:00:00Z",`+id+`,"q":"`+parts+`","n":9999999999}`, `{"k":"2026-01-01T00:00:00Z",`+id+`,"q":"`+parts+`","n":-1}`,
		`{"k":"\u0000","l":"berlin","q":"`+strings.ReplaceAll(stock, `"`, `\"`)+`"}`, "{\"k\":\"\xff\",\"l\":\"\",\"q\":\""+strings.ReplaceAll(stock, `"`, `\"`)+"\"}",
		`{"s":9223372036854775807,"q":"`+InvoiceQuery{}.fingerprint()+`"}`, `{"K":"2026-01-01T00:00:00Z","I":"urn:uuid:3f0f2c5e-5d0a-5b8e-9d53-6f2f9a0f7c11","q":"`+orders+`"}`,
		`null`, `[]`, `{}`, `{"f":"0001-01-01T00:00:00Z","k":"0001-01-01T00:00:00Z"}`,
	)
}

// Each list takes its own cursors.
func TestCursorsAreTakenAsTheyWereWritten(t *testing.T) {
	t.Parallel()
	taken := map[string]int{}
	for _, cursor := range sampleCursors() {
		for name, decode := range cursorLists {
			var bad domain.Invalids
			if decode(cursor, &bad); bad.Err() == nil {
				taken[name]++
			}
		}
	}
	for name := range cursorLists {
		require.Equal(t, 1, taken[name], name)
	}
}
