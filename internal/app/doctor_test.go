package app

import (
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/orderloom/orderloom/eventstore"
	"github.com/orderloom/orderloom/internal/config"
	"github.com/orderloom/orderloom/internal/telemetry"
	"github.com/stretchr/testify/require"
)

// A check that can't be asked, or does not answer in time, has a remedy too.
func TestEachCheckOfTheDoctorHasARemedy(t *testing.T) {
	t.Parallel()
	tel, err := telemetry.Setup(t.Context(), config.Telemetry{}, "test")
	require.NoError(t, err)
	pool, err := pgxpool.New(t.Context(), "postgres://nobody@127.0.0.1:1/none")
	require.NoError(t, err)
	cfg := load(t, map[string]string{"SCHEMA_REGISTRY_URL": "http://127.0.0.1:1", "ORDERLOOM_PAYMENT_GATEWAY": "sandbox"})
	m, err := newMaintenance(t.Context(), pool, cfg, tel, eventstore.Options{Unprepared: true})
	require.NoError(t, err)
	p := &patient{Maintenance: m, pool: pool, Examination: Examination{Whole: true}}
	p.temporal, p.memos, err = dialTemporal(config.Temporal{Address: "127.0.0.1:1", Namespace: "none"}, tel)
	require.NoError(t, err)
	defer p.temporal.Close()
	defer func() { require.NoError(t, m.Close(t.Context())) }()
	all := p.checks()
	require.Greater(t, len(all), 30)
	for _, c := range all {
		require.NotEmpty(t, c.Remedy, "%s: %s", c.Group, c.Name)
	}
}
