package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/orderloom/orderloom/internal/doctor"
	"github.com/stretchr/testify/require"
)

// examined carries out "orderloom doctor", and returns its findings by group and check.
func (b *testBundle) examined(code int, flags ...string) map[string]doctor.Finding {
	b.Helper()
	all := map[string]doctor.Finding{}
	for line := range strings.Lines(b.orderloom(code, append([]string{"doctor", "--json"}, flags...)...).stdout) {
		var f doctor.Finding
		require.NoError(b, json.Unmarshal([]byte(line), &f))
		all[f.Group+": "+f.Check] = f
	}
	return all
}

func TestTheDoctorNamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	b := setup(t, 7, 10)
	b.asWorker()
	b.deliver()
	found := b.examined(exitFailure, "--whole")
	require.Equal(t, doctor.OK, found["PostgreSQL: has the schema"].Status)
	require.Equal(t, doctor.OK, found["Kafka: has the topics"].Status)
	require.Equal(t, doctor.OK, found["Whole comparison: each row of each view"].Status)
	require.Equal(t, doctor.OK, found["Whole comparison: each event in Kafka"].Status)
	require.Equal(t, doctor.Failing, found["Temporal: answers"].Status)
	require.Contains(t, found["Temporal: answers"].Remedy, "TEMPORAL_ADDRESS")
	require.Equal(t, doctor.Skipped, found["Sagas: each open order has one"].Status)

	keyless := found["Whole comparison: each customer has a key"]
	require.Equal(t, doctor.Failing, keyless.Status, "nobody has sealed anything here")
	require.Contains(t, keyless.Remedy, "orderloom recover --confirm")
	var number string
	require.NoError(t, b.pool.QueryRow(t.Context(), `SELECT order_number FROM orderloom.order_views ORDER BY customer_id, created_at LIMIT 1`).Scan(&number))
	require.Contains(t, keyless.Found, number)
	_, err := b.pool.Exec(t.Context(), `INSERT INTO orderloom.customer_keys (subject, generation, master_key, wrapped)
		SELECT DISTINCT customer_id, 1, 'a', '\x00'::bytea FROM orderloom.customer_summaries`)
	require.NoError(t, err)
	_, err = b.pool.Exec(t.Context(), `UPDATE orderloom.stock_levels SET on_hand = on_hand + 1 WHERE sku = (SELECT min(sku) FROM orderloom.stock_levels)`)
	require.NoError(t, err)
	found = b.examined(exitFailure, "--whole")
	require.Equal(t, doctor.OK, found["Whole comparison: each customer has a key"].Status)
	require.Contains(t, found["Whole comparison: each row of each view"].Remedy, "orderloom rebuild")
}

func TestBeforeAnInstallationTheSchemaMayBeMissing(t *testing.T) {
	t.Parallel()
	b := setup(t, 7, 1)
	b.asWorker()
	_, err := b.pool.Exec(t.Context(), `DELETE FROM orderloom.schema_migrations WHERE number > 3`)
	require.NoError(t, err)
	require.Equal(t, doctor.Warning, b.examined(exitFailure, "--pre")["PostgreSQL: has the schema"].Status)
	found := b.examined(exitFailure)["PostgreSQL: has the schema"]
	require.Equal(t, doctor.Failing, found.Status)
	require.Contains(t, found.Remedy, "orderloom migrate")
}
