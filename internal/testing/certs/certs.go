// Package certs makes certificates for tests.
package certs

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Files are PEM files of an authority that nobody else knows, and of what it has signed: a server on this
// machine and a client. Key and certificate lie in one file too, for programs that want that.
type Files struct {
	Authority                      string
	Server, ServerKey, ServerBoth  string
	Client, ClientKey, OtherClient string
	OtherClientKey                 string
}

// New makes certificates that are valid for an hour. OtherClient is signed by another authority.
func New(t testing.TB) Files {
	t.Helper()
	dir := t.TempDir()
	authority, other := newAuthority(t), newAuthority(t)
	c := Files{Authority: filepath.Join(dir, "ca.pem")}
	require.NoError(t, os.WriteFile(c.Authority, authority.pem, 0o600))
	c.Server, c.ServerKey = authority.sign(t, dir, "server")
	c.Client, c.ClientKey = authority.sign(t, dir, "client")
	c.OtherClient, c.OtherClientKey = other.sign(t, dir, "other")
	key, err := os.ReadFile(c.ServerKey)
	require.NoError(t, err)
	cert, err := os.ReadFile(c.Server)
	require.NoError(t, err)
	c.ServerBoth = filepath.Join(dir, "server-both.pem")
	require.NoError(t, os.WriteFile(c.ServerBoth, append(key, cert...), 0o600))
	return c
}

type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pem  []byte
}

func newAuthority(t testing.TB) authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return authority{cert, key, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})}
}

func (a authority) sign(t testing.TB, dir, name string) (certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	require.NoError(t, err)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	certFile, keyFile = filepath.Join(dir, name+".pem"), filepath.Join(dir, name+".key")
	require.NoError(t, os.WriteFile(certFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	require.NoError(t, os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}), 0o600))
	return certFile, keyFile
}
