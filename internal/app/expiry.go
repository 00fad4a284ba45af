package app

import (
	"os"
	"time"

	"github.com/orderloom/orderloom/access"
	"github.com/orderloom/orderloom/internal/config"
	"github.com/prometheus/client_golang/prometheus"
)

// certificateFile is a certificate that the settings name.
type certificateFile struct{ of, whose, file string }

// certificateFiles are those that are set: those of this client, and the API's own.
func certificateFiles(cfg config.Config) (all []certificateFile) {
	for _, c := range []certificateFile{
		{"kafka", "the one for Kafka", ofClient(cfg.Kafka.TLS)},
		{"temporal", "the one for Temporal", ofClient(cfg.Temporal.TLS)},
		{"redis", "the one for Redis", ofClient(cfg.Redis.TLS)},
		{"api", "the API's", cfg.HTTP.TLS.CertFile},
	} {
		if c.file != "" {
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

var (
	certificateExpires = prometheus.NewDesc("orderloom_certificate_expires_seconds",
		"How long a certificate of the settings is valid yet, by what it is for: api, kafka, temporal or redis.", []string{"of"}, nil)
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
		text, err := os.ReadFile(c.file)
		if err != nil {
			continue
		}
		if parsed, err := firstCertificate(text); err == nil {
			ch <- prometheus.MustNewConstMetric(certificateExpires, prometheus.GaugeValue, time.Until(parsed.NotAfter).Seconds(), c.of)
		}
	}
	if e.keys == nil {
		return
	}
	if until := e.keys.NextExpiry(); !until.IsZero() {
		ch <- prometheus.MustNewConstMetric(keyExpires, prometheus.GaugeValue, time.Until(until).Seconds())
	}
}
