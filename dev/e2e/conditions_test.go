package e2e_test

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"
)

// scrape is what processes tell at /metrics, each series by its name and its labels. A process that does not answer
// tells nothing, and Prometheus makes its "up" 0.
type scrape map[string]sample

type sample struct {
	name   string
	labels map[string]string
	value  float64
}

// scrapeTimeout is how long a process may take to answer, much as with Prometheus.
const scrapeTimeout = 3 * time.Second

// scrapeAll asks processes, by their names.
func scrapeAll(ctx context.Context, urls map[string]string) scrape {
	all := scrape{}
	for process, url := range urls {
		families, err := scrapeOne(ctx, url)
		up := 1.0
		if err != nil {
			up = 0
		}
		all.add("up", map[string]string{"process": process, "job": "orderloom"}, up)
		for name, family := range families {
			for _, m := range family.GetMetric() {
				labels := map[string]string{"process": process}
				for _, l := range m.GetLabel() {
					labels[l.GetName()] = l.GetValue()
				}
				switch {
				case m.Gauge != nil:
					all.add(name, labels, m.GetGauge().GetValue())
				case m.Counter != nil:
					all.add(name, labels, m.GetCounter().GetValue())
				}
			}
		}
	}
	return all
}

func (s scrape) add(name string, labels map[string]string, value float64) {
	key := name
	for _, label := range slices.Sorted(maps.Keys(labels)) {
		key += fmt.Sprintf(",%s=%q", label, labels[label])
	}
	s[key] = sample{name, labels, value}
}

func scrapeOne(ctx context.Context, url string) (map[string]*dto.MetricFamily, error) {
	ctx, cancel := context.WithTimeout(ctx, scrapeTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/metrics", http.NoBody)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	return parser.TextToMetricFamilies(strings.NewReader(string(text)))
}

// condition is an expression of PromQL in one of these forms, with >, < or == and a number:
//
//	metric{label="value"} > 1
//	max(metric) > 1
//	absent(metric) == 1
//	sum(increase(metric[5m])) > 0
type condition string

var (
	conditionForm = regexp.MustCompile(`^(?:(max|min|sum|absent)\()?(increase\()?([a-z_]+)(?:\{([^}]*)\})?(?:\[5m\]\))?\)? (>|<|==) ([0-9.]+)$`)
	matcherForm   = regexp.MustCompile(`^([a-z_]+)="([^"]*)"$`)
)

// parsedCondition is a condition, taken apart.
type parsedCondition struct {
	aggregate, metric, operator string
	increase                    bool
	labels                      map[string]string
	limit                       float64
}

func (c condition) parse() (p parsedCondition, err error) {
	parts := conditionForm.FindStringSubmatch(string(c))
	if parts == nil {
		return p, fmt.Errorf("%s is no condition of a form that is known here", c)
	}
	p = parsedCondition{aggregate: parts[1], increase: parts[2] != "", metric: parts[3], operator: parts[5], labels: map[string]string{}}
	if p.limit, err = strconv.ParseFloat(parts[6], 64); err != nil || parts[4] == "" {
		return p, err
	}
	for matcher := range strings.SplitSeq(parts[4], ",") {
		pair := matcherForm.FindStringSubmatch(matcher)
		if pair == nil {
			return p, fmt.Errorf("%s: %s is no matcher that is known here", c, matcher)
		}
		p.labels[pair[1]] = pair[2]
	}
	return p, nil
}

// holds reports whether a condition holds now. Before is what was told when the drill began.
func (c condition) holds(t *testing.T, now, before scrape) bool {
	t.Helper()
	p, err := c.parse()
	require.NoError(t, err)
	values := p.values(now, before)
	switch {
	case p.aggregate == "absent" && len(values) == 0:
		values = []float64{1}
	case p.aggregate == "absent", len(values) == 0:
		return false
	}
	switch p.aggregate {
	case "max":
		values = []float64{slices.Max(values)}
	case "min":
		values = []float64{slices.Min(values)}
	case "sum":
		sum := 0.0
		for _, v := range values {
			sum += v
		}
		values = []float64{sum}
	}
	return slices.ContainsFunc(values, func(v float64) bool {
		return p.operator == ">" && v > p.limit || p.operator == "<" && v < p.limit || p.operator == "==" && v == p.limit
	})
}

// values returns those of the series that the condition is about.
func (p parsedCondition) values(now, before scrape) (values []float64) {
	for key, s := range now {
		if s.name != p.metric {
			continue
		}
		if slices.ContainsFunc(slices.Collect(maps.Keys(p.labels)), func(label string) bool { return s.labels[label] != p.labels[label] }) {
			continue
		}
		value := s.value
		if p.increase {
			value -= before[key].value
		}
		values = append(values, value)
	}
	return values
}

// TestConditionsAreRead holds the forms that the drills declare to their meaning.
func TestConditionsAreRead(t *testing.T) {
	t.Parallel()
	before, now := scrape{}, scrape{}
	before.add("orderloom_a_total", map[string]string{"process": "one"}, 5)
	now.add("orderloom_a_total", map[string]string{"process": "one"}, 7)
	now.add("orderloom_b", map[string]string{"process": "one", "of": "redis"}, 2)
	now.add("orderloom_b", map[string]string{"process": "two", "of": "redis"}, 0)
	for c, want := range map[condition]bool{
		`sum(increase(orderloom_a_total[5m])) > 1`:       true,
		`sum(increase(orderloom_a_total[5m])) > 2`:       false,
		`max(orderloom_b) > 1`:                           true,
		`min(orderloom_b) > 1`:                           false,
		`sum(orderloom_b) == 2`:                          true,
		`orderloom_b{of="redis"} == 2`:                   true,
		`orderloom_b{of="temporal"} == 2`:                false,
		`max(orderloom_b{of="redis",process="two"}) > 0`: false,
		`orderloom_c > 0`:                                false,
		`min(orderloom_b) < 1`:                           true,
		`max(orderloom_b) < 1`:                           false,
	} {
		require.Equal(t, want, c.holds(t, now, before), string(c))
	}
	_, err := condition("rate(a[5m]) > 1").parse()
	require.Error(t, err)
}
