package sandbox

import (
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/payments"
)

// Name chooses the sandbox in ORDERLOOM_PAYMENT_GATEWAY.
const Name = "sandbox"

const settingLedger = "ORDERLOOM_SANDBOX_LEDGER"

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
	}},
	Open: func(setting payments.Settings) (payments.Gateway, error) { return Open(setting(settingLedger)) },
}
