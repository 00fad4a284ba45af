package app

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/url"
	"os"
	"time"

	"github.com/orderloom/orderloom/access"
	"github.com/orderloom/orderloom/internal/config"
	"github.com/prometheus/client_golang/prometheus"
)

// certificateFile is a certificate that the settings name.
type certificateFile struct {
	of, whose, file string
	// key is the file of its private key; empty where this program reads both to connect, or needs none.
	key string
	// authority is set for authorities that sign the certificates of the other side. One of them is enough.
	authority bool
	// restart is set for what a process reads when it starts.
	restart bool
}

// certificateFiles are those that are set: those of this client, of the authorities that it believes, and the API's.
func certificateFiles(cfg config.Config) (all []certificateFile) {
	postgres := url.Values{}
	if u, err := url.Parse(string(cfg.Database.URL)); err == nil {
		postgres = u.Query()
	}
	for _, c := range []certificateFile{
		{of: "postgresql", whose: "the one for PostgreSQL", file: postgres.Get("sslcert"), restart: true},
		{of: "postgresql_authority", whose: "the authority of PostgreSQL", file: postgres.Get("sslrootcert"), authority: true, restart: true},
		{of: "kafka", whose: "the one for Kafka", file: ofClient(cfg.Kafka.TLS)},
		{of: "kafka_authority", whose: "the authority of Kafka", file: ofAuthority(cfg.Kafka.TLS), authority: true, restart: true},
		{of: "temporal", whose: "the one for Temporal", file: ofClient(cfg.Temporal.TLS)},
		{of: "temporal_authority", whose: "the authority of Temporal", file: ofAuthority(cfg.Temporal.TLS), authority: true, restart: true},
		{of: "redis", whose: "the one for Redis", file: ofClient(cfg.Redis.TLS)},
		{of: "redis_authority", whose: "the authority of Redis", file: ofAuthority(cfg.Redis.TLS), authority: true, restart: true},
		{of: "api", whose: "the API's", file: cfg.HTTP.TLS.CertFile, key: cfg.HTTP.TLS.KeyFile},
		{of: "api_clients_authority", whose: "the authority of the API's clients", file: cfg.HTTP.TLS.ClientCAFile, authority: true},
	} {
		if c.file != "" && c.file != "system" { // PostgreSQL's word for the authorities of the machine
			all = append(all, c)
		}
	}
	return all
}

// ofClient is the file of a client's certificate; empty for none.
func ofClient(t config.TLS) string {
	if !t.Enabled {
		return ""
	}
	return t.CertFile
}

// ofAuthority is the file of the authorities that a client believes; empty for those of the machine.
func ofAuthority(t config.TLS) string {
	if !t.Enabled {
		return ""
	}
	return t.CAFile
}

// lasts returns from when until when a file is of use. A certificate needs all that it comes with. Of authorities the
// last one counts: old ones lie beside new ones while they change.
func (c certificateFile) lasts() (from, until time.Time, err error) {
	text, err := os.ReadFile(c.file)
	if err != nil {
		return from, until, err
	}
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		one, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return from, until, fmt.Errorf("%s: %w", c.file, err)
		}
		if until.IsZero() || one.NotAfter.After(until) == c.authority {
			from, until = one.NotBefore, one.NotAfter
		}
	}
	if until.IsZero() {
		return from, until, fmt.Errorf("%s holds no PEM certificate", c.file)
	}
	return from, until, nil
}

// pairs returns an error for a private key that is not that of the certificate.
func (c certificateFile) pairs() error {
	if c.key == "" {
		return nil
	}
	if _, err := tls.LoadX509KeyPair(c.file, c.key); err != nil {
		return fmt.Errorf("%s is not the key of %s: %w", c.key, c.file, err)
	}
	return nil
}

var (
	certificateExpires = prometheus.NewDesc("orderloom_certificate_expires_seconds",
		"How long a certificate of the settings is valid yet, by what it is for: api, postgresql, kafka, temporal or redis. An authority is told too.",
		[]string{"of"}, nil)
	keyExpires = prometheus.NewDesc("orderloom_api_key_expires_seconds",
		"How long the API key holds that ends first. Left out where no key has an end.", nil, nil)
)

// expiries shows what ends by itself. A certificate is read at each scrape, since it may have been replaced.
type expiries struct {
	certificates []certificateFile
	keys         *access.Keys // nil for a process without an API, or with an open one
}

// Describe implements [prometheus.Collector].
func (e expiries) Describe(ch chan<- *prometheus.Desc) {
	ch <- certificateExpires
	ch <- keyExpires
}

// Collect implements [prometheus.Collector]. What can't be read is left out: "orderloom doctor" tells why.
func (e expiries) Collect(ch chan<- prometheus.Metric) {
	for _, c := range e.certificates {
		if _, until, err := c.lasts(); err == nil {
			ch <- prometheus.MustNewConstMetric(certificateExpires, prometheus.GaugeValue, time.Until(until).Seconds(), c.of)
		}
	}
	if e.keys == nil {
		return
	}
	if until := e.keys.NextExpiry(); !until.IsZero() {
		ch <- prometheus.MustNewConstMetric(keyExpires, prometheus.GaugeValue, time.Until(until).Seconds())
	}
}
