package payments

import (
	"fmt"
	"regexp"
	"slices"
)

// Provider is a payment gateway that the platform can be told to use: its name, its settings, and how it
// is opened. A folder below this one exports one provider.
type Provider struct {
	// Name chooses the gateway in ORDERLOOM_PAYMENT_GATEWAY, and is the last part of its webhook's path.
	Name string
	// Capabilities are what the gateway can do.
	Capabilities Capabilities
	// Settings are the environment variables that Open and Webhook read. No other provider has them.
	Settings []Setting
	// Open returns the gateway. It asks the gateway nothing yet.
	Open func(Settings) (Gateway, error)
	// Live reports whether these settings move real money; nil for a gateway that never does.
	Live func(Settings) bool
	// Webhook returns the reader of what the gateway reports by itself; nil for one that reports nothing.
	Webhook func(Settings) (Webhook, error)
}

// Setting is an environment variable of a provider. Its value is text without white space around it.
type Setting struct {
	Name string
	// Help is one sentence on what it does.
	Help string
	// Example is a value for the .env example.
	Example string
	// Secret values are never printed.
	Secret bool
	// RequiredBy says which part of the provider does not work without it; empty for an optional setting.
	RequiredBy Part
}

// Part is a part of a provider, which another process may run than the other part.
type Part string

// The parts of a provider.
const (
	PartGateway Part = "gateway" // opened by the sagas' worker
	PartWebhook Part = "webhook" // opened by the API
)

// Settings returns the value of a setting by its name, or "" when it is not set.
type Settings func(name string) string

// Registry is the payment gateways that the platform can be told to use.
type Registry struct{ providers []Provider }

// providerName is what a name may look like: it becomes part of a path.
var providerName = regexp.MustCompile(`^[a-z][a-z0-9-]{0,31}$`)

// NewRegistry returns a registry of these providers, in this order. Errors: a provider without a name
// or a way to open it; a name or a setting that two providers have.
func NewRegistry(providers ...Provider) (*Registry, error) {
	names, settings := map[string]bool{}, map[string]string{}
	for _, p := range providers {
		switch {
		case !providerName.MatchString(p.Name):
			return nil, fmt.Errorf("payment gateway %q needs a name of at most 32 of a-z, 0-9 and -", p.Name)
		case names[p.Name]:
			return nil, fmt.Errorf("two payment gateways are named %s", p.Name)
		case p.Open == nil:
			return nil, fmt.Errorf("payment gateway %s can't be opened", p.Name)
		}
		names[p.Name] = true
		for _, s := range p.Settings {
			if other, taken := settings[s.Name]; taken {
				return nil, fmt.Errorf("payment gateways %s and %s both have the setting %s", other, p.Name, s.Name)
			}
			settings[s.Name] = p.Name
		}
	}
	return &Registry{providers: slices.Clone(providers)}, nil
}

// MustRegistry is [NewRegistry] for a list that is written down; it panics where that returns an error.
func MustRegistry(providers ...Provider) *Registry {
	r, err := NewRegistry(providers...)
	if err != nil {
		panic(err)
	}
	return r
}

// Providers returns the providers in their order.
func (r *Registry) Providers() []Provider { return slices.Clone(r.providers) }

// Names returns the names of the providers in their order.
func (r *Registry) Names() []string {
	names := make([]string, len(r.providers))
	for i, p := range r.providers {
		names[i] = p.Name
	}
	return names
}

// Open returns the gateway of this name.
func (r *Registry) Open(name string, settings Settings) (Gateway, error) {
	p, err := r.find(name)
	if err != nil {
		return nil, err
	}
	gateway, err := p.Open(p.declared(settings))
	if err != nil {
		return nil, fmt.Errorf("open the payment gateway %s: %w", name, err)
	}
	return gateway, nil
}

// Webhooks returns the reader of the webhooks of the gateway of this name, under that name. It returns
// none for a gateway that reports nothing.
func (r *Registry) Webhooks(name string, settings Settings) (map[string]Webhook, error) {
	p, err := r.find(name)
	if err != nil || p.Webhook == nil {
		return nil, err
	}
	webhook, err := p.Webhook(p.declared(settings))
	if err != nil {
		return nil, fmt.Errorf("open the webhook of the payment gateway %s: %w", name, err)
	}
	return map[string]Webhook{name: webhook}, nil
}

// Live reports whether the gateway of this name moves real money with these settings.
func (r *Registry) Live(name string, settings Settings) bool {
	p, err := r.find(name)
	return err == nil && p.Live != nil && p.Live(p.declared(settings))
}

// Capabilities returns what the gateway of this name can do.
func (r *Registry) Capabilities(name string) (Capabilities, error) {
	p, err := r.find(name)
	return p.Capabilities, err
}

// find returns the provider of this name.
func (r *Registry) find(name string) (Provider, error) {
	i := slices.IndexFunc(r.providers, func(p Provider) bool { return p.Name == name })
	if i < 0 {
		return Provider{}, fmt.Errorf("there is no payment gateway %q, only %q", name, r.Names())
	}
	return r.providers[i], nil
}

// declared returns settings that panic for a name which the provider has not declared. Such a setting
// would stand in no document and never be set.
func (p Provider) declared(settings Settings) Settings {
	return func(name string) string {
		if !slices.ContainsFunc(p.Settings, func(s Setting) bool { return s.Name == name }) {
			panic(fmt.Sprintf("payment gateway %s reads the setting %s, which it does not declare", p.Name, name))
		}
		return settings(name)
	}
}
