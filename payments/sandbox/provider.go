package sandbox

import (
	"strings"

	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/payments"
)

// Name chooses the sandbox in ORDERLOOM_PAYMENT_GATEWAY.
const Name = "sandbox"

const (
	settingLedger = "ORDERLOOM_SANDBOX_LEDGER"
	settingURL    = "ORDERLOOM_SANDBOX_URL"
)

// PagePath is where the API of a platform for trying has the page of the sandbox's bank. The id of the order follows.
const PagePath = "/sandbox/bank/"

// Provider tells the platform of the sandbox.
var Provider = payments.Provider{
	Name: Name,
	Capabilities: payments.Capabilities{
		SeveralCaptures: true, AuthorizationLife: payment.AuthorizationLife, KeepsMethod: true,
	},
	Settings: []payments.Setting{{
		Name:    settingLedger,
		Help:    "File in which the sandbox gateway keeps its ledger, shared by all processes; in memory without it.",
		Example: "sandbox-ledger.jsonl",
	}, {
		Name: settingURL, Example: "http://localhost:8080",
		Help: "Where browsers reach the API of a platform for trying, whose page confirms payments of the sandbox gateway.",
	}},
	Open: func(setting payments.Settings) (payments.Gateway, error) {
		g, err := Open(setting(settingLedger))
		if err != nil {
			return nil, err
		}
		if base := setting(settingURL); base != "" {
			g.bank = strings.TrimRight(base, "/") + PagePath
		}
		return g, nil
	},
}
