package stripefake

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAFakeTakesNoMoreThanStripe(t *testing.T) {
	t.Parallel()
	s := Start(Options{Key: "sk_test_1"})
	t.Cleanup(s.Close)
	for name, c := range map[string]struct {
		amount, currency string
		metadata         map[string]string
		good             bool
	}{
		"the least":                  {"50", "eur", nil, true},
		"less":                       {"49", "eur", nil, false},
		"the least of another":       {"17500", "huf", nil, true},
		"a currency without a least": {"100000", "xxx", nil, false},
		"one that Stripe has not":    {"100000", "lyd", nil, false},
		"dinars in their step":       {"1000", "kwd", nil, true},
		"dinars off their step":      {"1005", "kwd", nil, false},
		"whole krónur":               {"700000", "isk", nil, true},
		"a part of a króna":          {"700050", "isk", nil, false},
		"one in capitals":            {"100000", "EUR", nil, false},
		"a name of 40":               {"50", "eur", map[string]string{strings.Repeat("é", 40): ""}, true},
		"a name of 41":               {"50", "eur", map[string]string{strings.Repeat("n", 41): ""}, false},
		"a value of 500":             {"50", "eur", map[string]string{"n": strings.Repeat("é", 500)}, true},
		"a value of 501":             {"50", "eur", map[string]string{"n": strings.Repeat("v", 501)}, false},
		"50 names":                   {"50", "eur", names(50), true},
		"51 names":                   {"50", "eur", names(51), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			form := url.Values{"amount": {c.amount}, "currency": {c.currency}}
			for name, value := range c.metadata {
				form.Set("metadata["+name+"]", value)
			}
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+"/v1/payment_intents", strings.NewReader(form.Encode()))
			require.NoError(t, err)
			r.Header.Set("Authorization", "Bearer sk_test_1")
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			answer, err := http.DefaultClient.Do(r)
			require.NoError(t, err)
			require.NoError(t, answer.Body.Close())
			require.Equal(t, map[bool]int{true: http.StatusOK, false: http.StatusBadRequest}[c.good], answer.StatusCode)
		})
	}
}

func names(n int) map[string]string {
	m := map[string]string{}
	for i := range n {
		m[strconv.Itoa(i)] = ""
	}
	return m
}
