//go:build real

package e2e_test

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// prometheus is a Prometheus of the machine's, which scrapes processes each second.
type prometheus struct {
	url, targets string
	mu           sync.Mutex
	processes    map[string]string // the addresses by the processes' names
}

// startPrometheus starts one with these rules. It scrapes nobody yet.
func startPrometheus(t *testing.T, rules string) *prometheus {
	t.Helper()
	dir := t.TempDir()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := l.Addr().String()
	require.NoError(t, l.Close())
	p := &prometheus{url: "http://" + address, targets: filepath.Join(dir, "targets.json"), processes: map[string]string{}}
	p.write(t)
	config := filepath.Join(dir, "prometheus.yml")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "rules.yml"), []byte(rules), 0o600))
	require.NoError(t, os.WriteFile(config, []byte(`
global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}
rule_files: [rules.yml]
scrape_configs:
  - job_name: orderloom
    file_sd_configs: [{files: [targets.json], refresh_interval: 1s}]
`), 0o600))
	log, err := os.Create(filepath.Join(dir, "log"))
	require.NoError(t, err)
	server := exec.Command("prometheus", "--config.file="+config, "--storage.tsdb.path="+filepath.Join(dir, "data"), //nolint:gosec // the machine's
		"--web.listen-address="+address, "--log.level=warn")
	server.Stdout, server.Stderr = log, log
	require.NoError(t, server.Start())
	t.Cleanup(func() {
		_ = server.Process.Kill()
		_ = server.Wait()
		_ = log.Close()
		if t.Failed() {
			text, _ := os.ReadFile(log.Name())
			t.Logf("prometheus: %s", text)
		}
	})
	await(t, "Prometheus to be ready", func() bool {
		response, err := http.Get(p.url + "/-/ready")
		if err != nil {
			return false
		}
		return response.Body.Close() == nil && response.StatusCode == http.StatusOK
	})
	return p
}

// scrape adds a process, or changes where it is.
func (p *prometheus) scrape(t *testing.T, process, base string) {
	t.Helper()
	u, err := url.Parse(base)
	require.NoError(t, err)
	p.mu.Lock()
	p.processes[process] = u.Host
	p.mu.Unlock()
	p.write(t)
}

// forget leaves a process out from now on.
func (p *prometheus) forget(t *testing.T, process string) {
	t.Helper()
	p.mu.Lock()
	delete(p.processes, process)
	p.mu.Unlock()
	p.write(t)
}

func (p *prometheus) write(t *testing.T) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	groups := []map[string]any{}
	for process, address := range p.processes {
		groups = append(groups, map[string]any{"targets": []string{address}, "labels": map[string]string{"process": process}})
	}
	text, err := json.Marshal(groups)
	require.NoError(t, err)
	// Prometheus must not read half of it.
	require.NoError(t, os.WriteFile(p.targets+".new", text, 0o600))
	require.NoError(t, os.Rename(p.targets+".new", p.targets))
}

// series is one series of an answer, with its last value.
type series struct {
	labels map[string]string
	value  float64
}

// ask runs a query at this moment.
func (p *prometheus) ask(t *testing.T, expr string) ([]series, error) {
	t.Helper()
	response, err := http.Get(p.url + "/api/v1/query?query=" + url.QueryEscape(expr))
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	var answer struct {
		Error string
		Data  struct {
			ResultType string
			Result     []struct {
				Metric map[string]string
				Value  [2]any
			}
		}
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return nil, err
	}
	if answer.Error != "" {
		return nil, fmt.Errorf("%s: %s", expr, answer.Error)
	}
	var all []series
	for _, r := range answer.Data.Result {
		value, err := strconv.ParseFloat(fmt.Sprint(r.Value[1]), 64)
		if err != nil {
			return nil, err
		}
		all = append(all, series{r.Metric, value})
	}
	return all, nil
}

// firing are the names of the alerts that fire.
func (p *prometheus) firing(t *testing.T) map[string]bool {
	t.Helper()
	all, err := p.ask(t, `ALERTS{alertstate="firing"}`)
	require.NoError(t, err)
	names := map[string]bool{}
	for _, s := range all {
		names[s.labels["alertname"]] = true
	}
	return names
}
