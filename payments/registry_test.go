package payments_test

import (
	"errors"
	"testing"

	"github.com/orderloom/orderloom/payments"
	"github.com/stretchr/testify/require"
)

// named is a provider whose gateway is nil.
func named(name string, settings ...string) payments.Provider {
	p := payments.Provider{Name: name, Open: func(payments.Settings) (payments.Gateway, error) { return nil, nil }}
	for _, s := range settings {
		p.Settings = append(p.Settings, payments.Setting{Name: s})
	}
	return p
}

func nothing(string) string { return "" }

func TestARegistryRefusesWhatWouldBeAmbiguous(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		providers []payments.Provider
		message   string
	}{
		"no name":              {[]payments.Provider{named("")}, `"" needs a name`},
		"a name with a slash":  {[]payments.Provider{named("a/b")}, `"a/b" needs a name`},
		"no way to open it":    {[]payments.Provider{{Name: "a"}}, "a can't be opened"},
		"the same name twice":  {[]payments.Provider{named("a"), named("a")}, "two payment gateways are named a"},
		"a setting of another": {[]payments.Provider{named("a", "KEY"), named("b", "KEY")}, "a and b both have the setting KEY"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := payments.NewRegistry(c.providers...)
			require.ErrorContains(t, err, c.message)
			require.Panics(t, func() { payments.MustRegistry(c.providers...) })
		})
	}
}

func TestARegistryOpensByName(t *testing.T) {
	t.Parallel()
	b := named("b", "B_KEY")
	b.Open = func(s payments.Settings) (payments.Gateway, error) {
		return nil, errors.New("the key is " + s("B_KEY"))
	}
	r := payments.MustRegistry(named("a"), b)
	require.Equal(t, []string{"a", "b"}, r.Names())
	_, err := r.Open("a", nothing)
	require.NoError(t, err)
	_, err = r.Open("b", func(name string) string { return "the value of " + name })
	require.EqualError(t, err, "open the payment gateway b: the key is the value of B_KEY")
	_, err = r.Open("c", nothing)
	require.EqualError(t, err, `there is no payment gateway "c", only ["a" "b"]`)
}

func TestAProviderReadsOnlySettingsThatItDeclares(t *testing.T) {
	t.Parallel()
	a := named("a", "A_KEY")
	a.Open = func(s payments.Settings) (payments.Gateway, error) { return nil, errors.New(s("B_KEY")) }
	r := payments.MustRegistry(a)
	require.PanicsWithValue(t, "payment gateway a reads the setting B_KEY, which it does not declare", func() { _, _ = r.Open("a", nothing) })
}

func TestWebhooksStandUnderTheGatewaysName(t *testing.T) {
	t.Parallel()
	b, broken := named("b"), named("broken")
	b.Webhook = func(payments.Settings) (payments.Webhook, error) { return nil, nil }
	broken.Webhook = func(payments.Settings) (payments.Webhook, error) { return nil, errors.New("no secret") }
	r := payments.MustRegistry(named("a"), b, broken)

	webhooks, err := r.Webhooks("a", nothing)
	require.NoError(t, err)
	require.Empty(t, webhooks, "it reports nothing")
	webhooks, err = r.Webhooks("b", nothing)
	require.NoError(t, err)
	require.Contains(t, webhooks, "b")
	_, err = r.Webhooks("broken", nothing)
	require.EqualError(t, err, "open the webhook of the payment gateway broken: no secret")
	_, err = r.Webhooks("c", nothing)
	require.ErrorContains(t, err, "no payment gateway")
}
