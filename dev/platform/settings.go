package platform

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/orderloom/orderloom/access"
	"github.com/orderloom/orderloom/dev/stack"
	"github.com/orderloom/orderloom/internal/config"
	"github.com/orderloom/orderloom/payments/sandbox"
)

// settings reads the product's settings: those given, else what suits one machine.
func settings(opts Options, addresses stack.Addresses) (config.Config, error) {
	given := func(name string) string {
		value, _ := opts.Lookup(name)
		return strings.TrimSpace(value)
	}
	defaults := addresses.Environment()
	defaults["ORDERLOOM_PAYMENT_GATEWAY"] = sandbox.Name
	defaults["ORDERLOOM_DRAIN_DELAY"] = "0s"         // nobody distributes requests
	defaults["ORDERLOOM_API_OPEN"] = "loopback"      // the sample orders have no key
	defaults["ORDERLOOM_MODE"] = string(access.Test) // no money moves here
	defaults["ORDERLOOM_LOCATIONS"] = "berlin:DE,reno:US"
	if opts.Data != "" {
		defaults["ORDERLOOM_SANDBOX_LEDGER"] = filepath.Join(opts.Data, "sandbox-ledger.jsonl")
	}
	for name, file := range map[string]string{"ORDERLOOM_MASTER_KEYS": "master-keys", "ORDERLOOM_INDEX_KEYS": "index-keys"} {
		if given(name) != "" {
			continue
		}
		key, err := drawnKey(opts.Data, file)
		if err != nil {
			return config.Config{}, err
		}
		defaults[name] = key
	}
	if given("ORDERLOOM_HTTP_ADDRESS") == "" {
		address, err := stack.Listen("the API", opts.APIPort, opts.Log)
		if err != nil {
			return config.Config{}, err
		}
		defaults["ORDERLOOM_HTTP_ADDRESS"] = address
	}
	address := given("ORDERLOOM_HTTP_ADDRESS")
	if address == "" {
		address = defaults["ORDERLOOM_HTTP_ADDRESS"]
	}
	defaults["ORDERLOOM_SANDBOX_URL"] = "http://" + address
	return config.Load(func(name string) (string, bool) {
		if value := given(name); value != "" {
			return value, true
		}
		value, ok := defaults[name]
		return value, ok
	}, config.RoleAll)
}

const keyBytes = 32

// drawnKey returns a key of the platform. It is drawn once for a data directory, which keeps it in a file, since what
// is there can't be read or found without it.
func drawnKey(data, file string) (string, error) {
	var key [keyBytes]byte
	_, _ = rand.Read(key[:]) // never fails
	drawn := "dev:" + base64.StdEncoding.EncodeToString(key[:])
	if data == "" {
		return drawn, nil
	}
	path := filepath.Join(data, file)
	kept, err := os.ReadFile(path)
	switch {
	case err == nil:
		return strings.TrimSpace(string(kept)), nil
	case !errors.Is(err, os.ErrNotExist):
		return "", fmt.Errorf("read a key of the platform: %w", err)
	}
	if err := os.WriteFile(path, []byte(drawn+"\n"), 0o600); err != nil {
		return "", fmt.Errorf("keep a key of the platform: %w", err)
	}
	return drawn, nil
}
