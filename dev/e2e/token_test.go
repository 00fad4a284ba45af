package e2e_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/orderloom/orderloom/client"
	"github.com/orderloom/orderloom/workflows"
	"github.com/segmentio/kafka-go"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	"google.golang.org/protobuf/proto"
)

// Histories are not encrypted here, so that what a step is given in the clear would show.
func TestNeitherPaymentTokensNorPersonalDataAreAnywhereInTheClear(t *testing.T) {
	t.Parallel()
	s := openShop(t, "ORDERLOOM_PAYLOAD_ENCRYPTION", "false")
	o := newAsked(t, s)
	o.atBank()
	o.await("the saga that waits for the bank", func() bool {
		_, err := o.sagas.DescribeWorkflowExecution(t.Context(), workflows.PaymentSagaID(o.id), "")
		return err == nil
	})
	given := "tok_given_" + uuid.NewString()
	provided, err := o.ProvidePayment(t.Context(), o.id, client.NewPayment{PaymentToken: given})
	require.NoError(t, err)
	require.Equal(t, client.PaymentRequired, provided.PaymentStatus, "no gateway knows it")
	require.Equal(t, "invalid_token", provided.MissingPayment.Reason)
	o.await("the view", func() bool { return o.shown().MissingPayment != nil })

	placed := "tok_placed_" + uuid.NewString()
	personal := []string{
		"Ada-" + uuid.NewString(), "Company-" + uuid.NewString(), "a" + uuid.NewString() + "@example.com", "+4930901820",
		"Note-" + uuid.NewString(), "Street-" + uuid.NewString(), "Billed-" + uuid.NewString(),
	}
	declined, err := o.PlaceOrder(t.Context(), client.NewOrder{
		CustomerID: "c-" + o.sku, Currency: "EUR", PaymentToken: placed, Items: []client.NewItem{{ProductID: "p", SKU: o.sku, Quantity: 1, UnitPrice: "10.00"}},
		Recipient:       &client.Recipient{Name: personal[0], Company: personal[1], Email: personal[2], Phone: personal[3]},
		CustomerNote:    personal[4],
		ShippingAddress: client.Address{Line1: personal[5], City: "Berlin", Zip: "10119", Country: "DE"},
		BillingAddress: &client.BillingAddress{
			Name: "Accounts", Address: client.Address{Line1: personal[6], City: "Berlin", Zip: "10119", Country: "DE"},
		},
	})
	require.NoError(t, err)
	o.await("the decline", func() bool {
		order, err := o.GetOrder(t.Context(), declined.OrderID)
		return err == nil && order.Status == client.OrderCancelled
	})

	secrets := append([]string{given, placed}, personal...)
	o.await("the event in Kafka", func() bool {
		published := o.published(t, secrets)
		return bytes.Contains(published, []byte("PaymentRequired")) && bytes.Contains(published, []byte(o.id.String()))
	})
	for _, id := range []string{
		workflows.OrderSagaID(o.id), workflows.PaymentSagaID(o.id), workflows.OrderSagaID(declined.OrderID),
	} {
		events := s.sagas.GetWorkflowHistory(t.Context(), id, "", false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
		n := 0
		for ; events.HasNext(); n++ {
			event, err := events.Next()
			require.NoError(t, err)
			text, err := proto.Marshal(event)
			require.NoError(t, err)
			requireNone(t, secrets, text, id)
		}
		require.Positive(t, n, id)
	}
	o.requireNoneStored(t, secrets)
}

// published returns all that was published, and asserts that it holds none of the secrets.
func (o *asked) published(t *testing.T, secrets []string) (all []byte) {
	t.Helper()
	broker := o.platform.Config.Kafka.Brokers[0]
	conn, err := kafka.DialContext(t.Context(), "tcp", broker)
	require.NoError(t, err)
	partitions, err := conn.ReadPartitions()
	require.NoError(t, err)
	require.NoError(t, conn.Close())
	for _, p := range partitions {
		leader, err := kafka.DialLeader(t.Context(), "tcp", broker, p.Topic, p.ID)
		require.NoError(t, err)
		first, last, err := leader.ReadOffsets()
		require.NoError(t, err)
		for at := first; at < last; at++ {
			m, err := leader.ReadMessage(1 << 20)
			require.NoError(t, err)
			requireNone(t, secrets, m.Value, p.Topic)
			for _, h := range m.Headers {
				all = append(all, h.Value...)
			}
			all = append(all, m.Value...)
		}
		require.NoError(t, leader.Close())
	}
	return all
}

// requireNoneStored asserts that no row of the platform holds a secret: no event and no view.
func (o *asked) requireNoneStored(t *testing.T, secrets []string) {
	t.Helper()
	rows, err := o.pool.Query(t.Context(), `SELECT table_name FROM information_schema.tables WHERE table_schema = 'orderloom' AND table_type = 'BASE TABLE'`)
	require.NoError(t, err)
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	require.NotEmpty(t, tables)
	for _, table := range tables {
		rows, err := o.pool.Query(t.Context(), fmt.Sprintf("SELECT t::text FROM orderloom.%s t", pgx.Identifier{table}.Sanitize()))
		require.NoError(t, err)
		texts, err := pgx.CollectRows(rows, pgx.RowTo[string])
		require.NoError(t, err)
		for _, text := range texts {
			requireNone(t, secrets, []byte(text), table)
		}
	}
}

// requireNone asserts that a text holds none of the secrets, nor their bytes as text.
func requireNone(t *testing.T, secrets []string, text []byte, where string) {
	t.Helper()
	for _, secret := range secrets {
		for _, form := range []string{secret, hex.EncodeToString([]byte(secret)), base64.StdEncoding.EncodeToString([]byte(secret))} {
			require.False(t, bytes.Contains(text, []byte(form)), "%s holds what is secret or personal", where)
		}
	}
}
