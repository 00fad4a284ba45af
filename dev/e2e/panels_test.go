//go:build real

package e2e_test

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/orderloom/orderloom/client"
	"github.com/orderloom/orderloom/dev/demo"
	"github.com/orderloom/orderloom/dev/platform"
	"github.com/stretchr/testify/require"
)

// withoutData are series that are not there where all goes well: no alert fires, no step is stuck, Temporal answers.
var withoutData = []string{"ALERTS", "orderloom_stuck_steps_total", "temporal_request_failure_total"}

// Every panel of every dashboard shows something of a platform that has served orders. So its query names series that
// are there, with the labels that it asks for.
func TestEveryPanelShowsSomething(t *testing.T) {
	t.Parallel()
	alerts, err := os.ReadFile("../../deploy/prometheus/alerts.yml")
	require.NoError(t, err)
	watching := startPrometheus(t, string(alerts))
	p, err := platform.Start(t.Context(), platform.Options{Log: t.Logf})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Stop(context.Background())) })
	watching.scrape(t, "all", p.APIURL)
	await(t, "the first scrape", func() bool {
		up, err := watching.ask(t, "up")
		return err == nil && len(up) == 1 && up[0].value == 1
	})
	var shown bytes.Buffer
	report, err := demo.Play(t.Context(), demo.Options{APIURL: p.APIURL, SagaURL: p.SagaURL, Out: &shown})
	require.NoError(t, err)
	// What is owed is paid at once where all is well. So one of the orders owes something here.
	db, err := pgx.Connect(t.Context(), string(p.Config.Database.URL))
	require.NoError(t, err)
	_, err = db.Exec(t.Context(), "UPDATE orderloom.order_views SET owed_amount = 1 WHERE order_id = $1", report.Orders["Delivered"].OrderID)
	require.NoError(t, err)
	require.NoError(t, db.Close(t.Context()))
	api, err := client.New(p.APIURL)
	require.NoError(t, err)

	open := panelQueries(t)
	shows := func(panel, expr string) bool {
		expr = strings.NewReplacer("$__rate_interval", "5m", "$__range", "1h", " or vector(0)", "", "$namespace", ".*", "$release", ".*").Replace(expr)
		all, err := watching.ask(t, expr)
		require.NoError(t, err, panel)
		return slices.ContainsFunc(withoutData, func(series string) bool { return strings.Contains(expr, series) }) ||
			slices.ContainsFunc(all, func(s series) bool { return !math.IsNaN(s.value) })
	}
	defer func() {
		if t.Failed() {
			t.Logf("these show nothing: %v", open)
		}
	}()
	await(t, "all panels to show something", func() bool {
		// The cache is asked, and what was counted before the first look of Prometheus goes on growing.
		_, _ = api.GetOrder(t.Context(), report.Orders["Delivered"].OrderID)
		waiting := keyedOrder(uuid.NewString())
		waiting.AllowBackorder = true
		if placed, err := api.PlaceOrder(t.Context(), waiting); err == nil { // its saga waits for a worker twice
			_, _ = api.CancelOrder(t.Context(), placed.OrderID, client.CancelOrder{Reason: "changed_mind"})
		}
		maps.DeleteFunc(open, shows)
		return len(open) == 0
	})
}

// panelQueries returns the queries of all dashboards, by the dashboard, the panel and the query's letter.
func panelQueries(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob("../../deploy/grafana/*.json")
	require.NoError(t, err)
	require.Len(t, files, 3)
	all := map[string]string{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		var page struct {
			Panels []struct {
				Title   string
				Targets []struct{ RefID, Expr string }
			}
		}
		require.NoError(t, json.Unmarshal(text, &page))
		before := len(all)
		for _, p := range page.Panels {
			for _, q := range p.Targets {
				all[filepath.Base(file)+": "+p.Title+" "+q.RefID] = q.Expr
			}
		}
		require.Greater(t, len(all), before, file)
	}
	return all
}
