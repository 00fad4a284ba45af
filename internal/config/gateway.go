package config

import (
	"strings"

	"github.com/orderloom/orderloom/access"
	"github.com/orderloom/orderloom/internal/gateways"
	"github.com/orderloom/orderloom/payments"
)

// gatewaySettings returns the settings of every payment gateway, as the gateways declare them.
func gatewaySettings() []Setting {
	var all []Setting
	for _, p := range gateways.All.Providers() {
		for _, s := range p.Settings {
			help := s.Help
			if s.RequiredBy != "" {
				help = strings.TrimSuffix(help, ".") + "; required with the gateway " + p.Name + "."
			}
			all = append(all, Setting{Name: s.Name, Example: s.Example, Form: "text", Help: help, Secret: s.Secret, set: func(c *Config, v string) error {
				if c.Payment.GatewaySettings == nil {
					c.Payment.GatewaySettings = map[string]Secret{}
				}
				c.Payment.GatewaySettings[s.Name] = Secret(v)
				return nil
			}})
		}
	}
	return all
}

// liveBesideTest names the key of a live gateway in a platform for trying, which would charge people for orders that
// nobody ships.
func liveBesideTest(c Config) Problems {
	setting := func(name string) string { return string(c.Payment.GatewaySettings[name]) }
	if c.HTTP.Access.Mode != access.Test || !gateways.All.Live(c.Payment.Gateway, setting) {
		return nil
	}
	return Problems{{"ORDERLOOM_MODE", "must not be test with a live key of the payment gateway " + c.Payment.Gateway}}
}

// partRoles are the roles that open a part of the payment gateway.
var partRoles = map[payments.Part][]Role{
	payments.PartGateway: {RoleWorker, RoleAll},
	payments.PartWebhook: {RoleAPI, RoleAll},
}

// gatewayProblems names what the chosen gateway needs and is not set.
func gatewayProblems(c Payment, roles []Role) Problems {
	var problems Problems
	for _, p := range gateways.All.Providers() {
		if p.Name != c.Gateway {
			continue
		}
		for _, s := range p.Settings {
			if role, needed := needs(partRoles[s.RequiredBy], roles); needed && c.GatewaySettings[s.Name] == "" {
				problems = append(problems, Problem{s.Name, "is required by " + string(role) + " with ORDERLOOM_PAYMENT_GATEWAY=" + p.Name})
			}
		}
	}
	return problems
}
