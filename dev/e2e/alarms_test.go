package e2e_test

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/stretchr/testify/require"
)

// alarm is an alert of deploy/prometheus/alerts.yml that tells of a fault.
type alarm struct {
	alert string
	// limit is the limit of the drill in place of the alert's, which is about minutes; 0 leaves that.
	limit int
	// group is the value of the label that the alert groups by, where it does.
	group string
}

// rule is an alert, as the file has it.
type rule struct {
	Alert       string            `yaml:"alert"`
	Expr        string            `yaml:"expr"`
	For         string            `yaml:"for"`
	Labels      map[string]string `yaml:"labels"`
	Annotations map[string]string `yaml:"annotations"`
}

// rules are the alerts that are shipped, by their names.
var rules = sync.OnceValues(func() (map[string]rule, error) {
	text, err := os.ReadFile("../../deploy/prometheus/alerts.yml")
	if err != nil {
		return nil, err
	}
	var file struct {
		Groups []struct {
			Rules []rule `yaml:"rules"`
		} `yaml:"groups"`
	}
	if err := yaml.Unmarshal(text, &file); err != nil {
		return nil, err
	}
	all := map[string]rule{}
	for _, g := range file.Groups {
		for _, r := range g.Rules {
			if _, twice := all[r.Alert]; twice {
				return nil, fmt.Errorf("there are two alerts %s", r.Alert)
			}
			all[r.Alert] = r
		}
	}
	return all, nil
})

func (a alarm) rule() rule {
	all, err := rules()
	if err != nil {
		panic(err)
	}
	r, known := all[a.alert]
	if !known {
		panic("there is no alert " + a.alert)
	}
	return r
}

var grouping = regexp.MustCompile(`^(max|min) by \(([a-z_]+)\) \(([a-z_]+)\)`)

// objective is the form of an alert that compares two windows. Only Prometheus itself can tell whether it fires.
var objective = regexp.MustCompile(`(?s)^\(.*\)\s+and \(.*\)\s*$`)

// rare is the form of an alert of a counter of what is rare. A drill knows what was counted when it began. So that is
// an increase.
var rare = regexp.MustCompile(`^sum\(\(increase\(([a-z_]+)\[5m\]\) > 0\) or \(([a-z_]+) > 0 unless ([a-z_]+) offset 5m (?:[^>]| > )+\)\) > 0$`)

// expression is the alert's, on one line, and of a counter of what is rare the increase.
func (r rule) expression() string {
	expr := strings.Join(strings.Fields(r.Expr), " ")
	if m := rare.FindStringSubmatch(expr); m != nil && m[1] == m[2] && m[2] == m[3] {
		return "sum(increase(" + m[1] + "[5m])) > 0"
	}
	return expr
}

// condition is the alert's expression, with the limit and the group of the drill.
func (a alarm) condition() condition {
	expr := a.rule().expression()
	if a.limit != 0 {
		at := strings.LastIndex(expr, " ") // before the limit
		expr = expr[:at+1] + fmt.Sprint(a.limit)
	}
	if a.group != "" {
		expr = grouping.ReplaceAllString(expr, `$1($3{$2="`+a.group+`"})`)
	}
	return condition(expr)
}

// text is what docs/reliability.md says of it.
func (a alarm) text() string {
	r := a.rule()
	text := fmt.Sprintf("%s: `%s`", a.alert, r.expression())
	if r.For != "" {
		text += " for " + r.For
	}
	return text
}

// TestEachAlertSaysWhatToDo holds the alerts to a form that people on call can work with, and that drills can read.
func TestEachAlertSaysWhatToDo(t *testing.T) {
	t.Parallel()
	all, err := rules()
	require.NoError(t, err)
	require.NotEmpty(t, all)
	for name, r := range all {
		require.Contains(t, []string{"page", "ticket"}, r.Labels["severity"], name)
		require.NotEmpty(t, r.Annotations["summary"], name)
		require.NotEmpty(t, r.Annotations["action"], name)
		if objective.MatchString(r.Expr) {
			continue
		}
		a := alarm{alert: name}
		if grouping.MatchString(r.Expr) {
			a.group = "one"
		}
		_, err := a.condition().parse()
		require.NoError(t, err, name)
	}
}

// provokedByAlertDrill are the alerts that TestAlertsFire provokes, in front of a real Prometheus.
var provokedByAlertDrill = []string{
	"OrderloomWithoutAPI", "OrderloomWithoutWorker", "OrderloomWithoutProjector", "OrderloomRelayWithoutLeader", "OrderloomAcceptBurnsFast", "OrderloomAcceptBurnsSlowly",
	"OrderloomConfirmBurnsFast", "OrderloomConfirmBurnsSlowly", "OrderloomOrdersWithoutSaga", "OrderloomSagasLost", "OrderloomForeignNamespace",
	"OrderloomCertificateExpiring", "OrderloomKeyExpiring", "OrderloomTemporalFailing",
}

// provokedByNobody are alerts whose condition only promtool's series provoke, each with the reason.
var provokedByNobody = map[string]string{
	"OrderloomStepsStuck": "a step counts as stuck after ten minutes of attempts",

	"OrderloomWebhookEndpointFailing":  "an endpoint is warned after three days",
	"OrderloomWebhookEndpointDisabled": "an endpoint is disabled after five days, and counted with the next look",
}

// TestEachAlertIsProvoked fails when nobody provokes an alert by the series of running processes.
func TestEachAlertIsProvoked(t *testing.T) {
	t.Parallel()
	all, err := rules()
	require.NoError(t, err)
	provoked := map[string]bool{}
	for _, f := range faults {
		for _, a := range f.told {
			provoked[a.alert] = true
		}
	}
	for _, alert := range provokedByAlertDrill {
		require.Contains(t, all, alert)
		provoked[alert] = true
	}
	for alert := range all {
		require.NotEqual(t, provoked[alert], provokedByNobody[alert] != "", "%s: no drill provokes it, or one does and it says that none does", alert)
	}
}
