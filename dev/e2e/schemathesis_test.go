//go:build real

package e2e_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/client"
	"github.com/stretchr/testify/require"
)

var (
	schemathesisProgram = flag.String("schemathesis", "", "Python with schemathesis, as dev/schemathesis/install.sh installs it")
	schemathesisCases   = flag.Int("cases", 2, "how many random cases schemathesis makes for each operation and caller")
	schemathesisSeed    = flag.Int("schemathesis-seed", 1, "what these cases are drawn from")
)

// TestAnswersStayWithinTheDocument lets schemathesis ask every operation as each role and without a key. It makes
// requests that the document allows and others that it does not. No answer is a 5xx or outside of the document.
func TestAnswersStayWithinTheDocument(t *testing.T) {
	t.Parallel()
	// Each case comes from an address of its own (hooks.py), and none is refused for being too many.
	s, as := keyedWith(t, []string{"ORDERLOOM_TRUSTED_PROXIES", "127.0.0.0/8", "ORDERLOOM_HTTP_RATE", "0"}, "admin", "storefront", "support", "warehouse", "finance", "metrics")
	credentials := map[string]string{"nobody": "", "customer": customerToken(t, as("admin"))}
	for _, role := range []string{"admin", "storefront", "support", "warehouse", "finance", "metrics"} {
		credentials[role] = role + "-key"
	}
	orders := askedOrders(t, as("admin"))
	for caller, credential := range credentials {
		t.Run(caller, func(t *testing.T) { schemathesis(t, s.platform.APIURL, credential, orders) })
	}
}

// customerToken is a token of the customer whose orders there are.
func customerToken(t *testing.T, admin *client.Client) string {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	der, err := x509.MarshalPKIXPublicKey(public)
	require.NoError(t, err)
	key, err := admin.CreateKey(t.Context(), client.NewKey{
		Account: "admin", Name: "customer tokens", Role: client.RoleCustomer,
		PublicKey: string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})),
	})
	require.NoError(t, err)
	token, err := client.SignCustomerToken(key.KeyID, private, "cust-1", time.Now(), time.Hour)
	require.NoError(t, err)
	return token
}

// askedOrders places orders that are asked about, and returns pairs of an order and its shipment.
func askedOrders(t *testing.T, admin *client.Client) (pairs []string) {
	t.Helper()
	sku := uuid.NewString()
	_, err := admin.ReceiveStock(t.Context(), client.Receipt{SKU: sku, Location: "berlin", Quantity: 100})
	require.NoError(t, err)
	for range 8 {
		placed, err := admin.PlaceOrder(t.Context(), client.NewOrder{
			CustomerID: "cust-1", Currency: "EUR", PaymentToken: "tok_approve", Items: []client.NewItem{{ProductID: "p", SKU: sku, Quantity: 3, UnitPrice: "10.00"}},
			Recipient:       &client.Recipient{Name: "Ada Lovelace"},
			ShippingAddress: client.Address{Line1: "Torstraße 1", City: "Berlin", Zip: "10119", Country: "DE"},
		})
		require.NoError(t, err)
		await(t, "a shipment", func() bool {
			o, err := admin.GetOrder(t.Context(), placed.OrderID)
			require.NoError(t, err)
			if len(o.Shipments) == 0 {
				return false
			}
			pairs = append(pairs, placed.OrderID.String()+":"+o.Shipments[0].ShipmentID.String())
			return true
		})
	}
	return pairs
}

// schemathesisTimeout bounds all that is asked of the API by one caller.
const schemathesisTimeout = 10 * time.Minute

func schemathesis(t *testing.T, url, credential string, orders []string) {
	t.Helper()
	require.NotEmpty(t, *schemathesisProgram, "-schemathesis names it: see make test-document")
	folder, err := filepath.Abs("../schemathesis")
	require.NoError(t, err)
	program, err := filepath.Abs(*schemathesisProgram)
	require.NoError(t, err)
	config := "schemathesis.toml"
	if credential == "" {
		config = "nobody.toml"
	}
	ctx, cancel := context.WithTimeout(t.Context(), schemathesisTimeout)
	defer cancel()
	arguments := []string{
		"-m", "schemathesis.cli", "--config-file", filepath.Join(folder, config), "run", url + "/openapi.yaml", "--url", url, "--checks", "all",
		"--phases", "examples,coverage,fuzzing,stateful", "--max-examples", fmt.Sprint(*schemathesisCases), "--seed", fmt.Sprint(*schemathesisSeed),
		"--continue-on-failure", "--request-timeout", "30", "--no-color", "--exclude-path", "/api/v1/orders/stream", // it has no end
	}
	command := exec.CommandContext(ctx, program, arguments...)
	command.Dir = t.TempDir() // it keeps examples there
	command.Env = append(os.Environ(), "SCHEMATHESIS_HOOKS=hooks", "PYTHONPATH="+folder, "PYTHONDONTWRITEBYTECODE=1", "CREDENTIAL="+credential, "ORDERS="+strings.Join(orders, ","))
	output, err := command.CombinedOutput()
	require.NoError(t, err, string(output))
	_, summary, _ := strings.Cut(string(output), "SUMMARY")
	t.Log(summary)
}
