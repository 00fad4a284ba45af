package app

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/orderloom/orderloom/internal/config"
	"github.com/orderloom/orderloom/internal/doctor"
	"github.com/orderloom/orderloom/internal/testing/certs"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
)

// Every certificate without which a connection fails is watched, also those of authorities and of PostgreSQL.
func TestEveryCertificateIsWatched(t *testing.T) {
	t.Parallel()
	files := certs.New(t)
	server := config.TLS{Enabled: true, CAFile: files.Authority, CertFile: files.Client, KeyFile: files.ClientKey}
	var cfg config.Config
	cfg.Database.URL = config.Secret("postgres://db/orderloom?sslmode=verify-full&sslcert=" + files.Client + "&sslkey=" + files.ClientKey + "&sslrootcert=" + files.Authority)
	cfg.Kafka.TLS, cfg.Temporal.TLS, cfg.Redis.TLS = server, server, server
	cfg.HTTP.TLS = config.ServedTLS{CertFile: files.Server, KeyFile: files.ServerKey, ClientCAFile: files.Authority}
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(expiries{certificates: certificateFiles(cfg)})
	families, err := registry.Gather()
	require.NoError(t, err)
	require.Len(t, families, 1)
	seconds := map[string]float64{}
	for _, m := range families[0].GetMetric() {
		seconds[m.GetLabel()[0].GetValue()] = m.GetGauge().GetValue()
	}
	for _, of := range []string{
		"postgresql", "postgresql_authority", "kafka", "kafka_authority", "temporal", "temporal_authority", "redis", "redis_authority",
		"api", "api_clients_authority",
	} {
		require.InDelta(t, 3600, seconds[of], 120, of)
	}
	require.Len(t, seconds, 10)

	cfg.Kafka.TLS.Enabled, cfg.Database.URL = false, "postgres://db/orderloom?sslrootcert=system"
	require.Len(t, certificateFiles(cfg), 6)
}

func TestWhatACertificateNeedsSaysHowLongItLasts(t *testing.T) {
	t.Parallel()
	early, late := certs.New(t), certs.New(t)
	join := func(paths ...string) string {
		var all []byte
		for _, path := range paths {
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			all = append(all, text...)
		}
		file := filepath.Join(t.TempDir(), "joined.pem")
		require.NoError(t, os.WriteFile(file, all, 0o600))
		return file
	}
	_, first, err := certificateFile{file: early.Server}.lasts()
	require.NoError(t, err)
	_, last, err := certificateFile{file: late.Server}.lasts()
	require.NoError(t, err)
	if last.Before(first) {
		first, last = last, first
	}
	for _, file := range []string{join(early.Server, late.Server), join(late.Server, early.ServerKey, early.Server)} {
		_, until, err := certificateFile{file: file}.lasts()
		require.NoError(t, err)
		require.Equal(t, first, until, "a chain ends with its first")
		_, until, err = certificateFile{file: file, authority: true}.lasts()
		require.NoError(t, err)
		require.Equal(t, last, until, "one authority is enough")
	}
	_, _, err = certificateFile{file: early.ServerKey}.lasts()
	require.ErrorContains(t, err, "no PEM certificate")

	var fault doctor.Fault
	_, err = certificateFile{file: early.Authority, restart: true}.examine(time.Now().Add(2 * time.Hour))
	require.ErrorAs(t, err, &fault)
	require.Contains(t, fault.What, "has ended")
	require.Contains(t, fault.Remedy, "restart the processes")
	_, err = certificateFile{file: early.Server}.examine(time.Now())
	require.ErrorAs(t, err, &fault)
	require.True(t, fault.Minor)
}

// Fails where the API's certificate is looked at alone. With another key no process starts.
func TestAKeyOfAnotherCertificateIsAFault(t *testing.T) {
	t.Parallel()
	one, other := certs.New(t), certs.New(t)
	var cfg config.Config
	examine := func() (fault doctor.Fault) {
		_, err := certificateFiles(cfg)[0].examine(time.Now())
		require.ErrorAs(t, err, &fault)
		return fault
	}
	cfg.HTTP.TLS = config.ServedTLS{CertFile: one.Server, KeyFile: one.ServerKey}
	require.True(t, examine().Minor, "it ends soon")
	cfg.HTTP.TLS.KeyFile = other.ServerKey
	fault := examine()
	require.False(t, fault.Minor)
	require.Contains(t, fault.What, other.ServerKey+" is not the key of "+one.Server)
}
