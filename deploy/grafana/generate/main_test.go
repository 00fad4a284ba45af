package main

import (
	"encoding/json"
	"os"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

// ofChosenReleases is a series of the releases that a reader has chosen, and anySeries what may be another one.
var (
	ofChosenReleases = regexp.MustCompile(`\w+\{namespace=~"\$namespace",release=~"\$release"[^}]*\}`)
	anySeries        = regexp.MustCompile(`\b(orderloom|temporal|process|go)_|\bALERTS\b|\bup\b|\{`)
)

// The dashboards that are shipped are those of this program, and Grafana can tell their parts apart.
func TestDashboardsAreWhole(t *testing.T) {
	t.Parallel()
	uids := map[string]bool{}
	for _, d := range dashboards {
		text, err := d.JSON()
		require.NoError(t, err)
		shipped, err := os.ReadFile("../" + d.name + ".json")
		require.NoError(t, err)
		require.JSONEq(t, string(text), string(shipped), "run: go generate ./deploy/grafana/...")
		var page struct {
			UID, Title, Description string
			Panels                  []struct {
				ID                       int
				Type, Title, Description string
				GridPos                  struct{ X, Y, W, H int }
				FieldConfig              struct{ Defaults struct{ Unit string } }
				Datasource               struct{ UID string }
				Targets                  []struct{ RefID, Expr, LegendFormat string }
			}
			Templating struct{ List []struct{ Name, Type string } }
		}
		require.NoError(t, json.Unmarshal(text, &page))
		require.False(t, uids[page.UID], "two dashboards %s", page.UID)
		uids[page.UID] = true
		require.NotEmpty(t, page.Description)
		require.Equal(t, "datasource", page.Templating.List[0].Type, "whoever imports it chooses the Prometheus")
		require.Equal(t, "namespace", page.Templating.List[1].Name)
		require.Equal(t, "release", page.Templating.List[2].Name)
		ids, titles, taken := map[int]bool{}, map[string]bool{}, map[[2]int]string{}
		for _, p := range page.Panels {
			require.False(t, ids[p.ID], "%s: two panels %d", d.name, p.ID)
			require.False(t, titles[p.Title], "%s: two panels %q", d.name, p.Title)
			ids[p.ID], titles[p.Title] = true, true
			for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
				for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
					require.Less(t, x, 24, p.Title)
					require.Empty(t, taken[[2]int{x, y}], "%s lies over it", p.Title)
					taken[[2]int{x, y}] = p.Title
				}
			}
			if p.Type == "row" {
				continue
			}
			require.NotEmpty(t, p.Description, p.Title)
			require.NotEmpty(t, p.FieldConfig.Defaults.Unit, p.Title)
			require.Equal(t, "${datasource}", p.Datasource.UID, p.Title)
			require.NotEmpty(t, p.Targets, p.Title)
			refs := map[string]bool{}
			for _, q := range p.Targets {
				require.False(t, refs[q.RefID], p.Title)
				refs[q.RefID] = true
				require.NotEmpty(t, q.Expr, p.Title)
				require.NotRegexp(t, anySeries, ofChosenReleases.ReplaceAllString(q.Expr, ""), "%s is of all releases that a Prometheus knows", p.Title)
				require.NotEmpty(t, q.LegendFormat, p.Title)
			}
		}
	}
}
