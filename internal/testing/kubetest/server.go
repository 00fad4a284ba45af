package kubetest

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/orderloom/orderloom/internal/testing/freeport"
	"github.com/orderloom/orderloom/internal/testing/program"
)

// ProgramsVariable names the folder with etcd, kube-apiserver and kubectl. Without it they are looked for in the PATH.
const ProgramsVariable = "KUBERNETES"

// startTimeout is how long the server may take until it has its roles, on a busy machine.
const startTimeout = 2 * time.Minute

// Server is a running kube-apiserver, whose data go with it.
type Server struct {
	// URL is where it listens, and Kubeconfig a file for kubectl and Helm with which they may do anything.
	URL, Kubeconfig string

	token  string
	client *http.Client
	stops  []func()
}

// Start starts a server that keeps everything in a folder. Whoever starts it stops it.
func Start(ctx context.Context, dir string) (_ *Server, err error) {
	s := &Server{}
	defer func() {
		if err != nil {
			s.Stop()
		}
	}()
	ports, err := freeport.Find(ctx, 3)
	if err != nil {
		return nil, err
	}
	store, peers, secure := "http://"+freeport.Address(ports[0]), "http://"+freeport.Address(ports[1]), freeport.Address(ports[2])
	err = s.run(ctx, filepath.Join(dir, "etcd.log"), freeport.Address(ports[0]), "etcd",
		"--data-dir="+filepath.Join(dir, "etcd"), "--unsafe-no-fsync", "--log-level=error",
		"--listen-client-urls="+store, "--advertise-client-urls="+store, "--listen-peer-urls="+peers,
		"--initial-advertise-peer-urls="+peers, "--initial-cluster=default="+peers)
	if err != nil {
		return nil, err
	}
	s.URL, s.token, s.Kubeconfig = "https://"+secure, rand.Text(), filepath.Join(dir, "kubeconfig")
	certificates, tokens, key := filepath.Join(dir, "certificates"), filepath.Join(dir, "tokens.csv"), filepath.Join(dir, "accounts.key")
	if err := writeKey(key); err != nil {
		return nil, err
	}
	if err := os.WriteFile(tokens, []byte(s.token+",admin,admin,system:masters\n"), 0o600); err != nil {
		return nil, err
	}
	err = s.run(ctx, filepath.Join(dir, "kube-apiserver.log"), secure, "kube-apiserver",
		"--etcd-servers="+store, "--bind-address=127.0.0.1", fmt.Sprintf("--secure-port=%d", ports[2]), "--cert-dir="+certificates,
		"--endpoint-reconciler-type=none", "--service-cluster-ip-range=10.96.0.0/16",
		"--authorization-mode=RBAC", "--token-auth-file="+tokens, "--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file="+key, "--service-account-signing-key-file="+key)
	if err != nil {
		return nil, err
	}
	if err := s.trust(filepath.Join(certificates, "apiserver.crt")); err != nil {
		return nil, err
	}
	return s, s.awaitReady(ctx)
}

// Stop ends the server, and then its store.
func (s *Server) Stop() {
	for i := range s.stops {
		s.stops[len(s.stops)-1-i]()
	}
}

// Kubectl runs kubectl to its end, with a text as its standard input, and returns what it says.
func (s *Server) Kubectl(ctx context.Context, stdin []byte, arguments ...string) (string, error) {
	c := exec.CommandContext(ctx, Program("kubectl"), arguments...) //nolint:gosec // the program of the tests
	c.Env, c.Stdin = append(os.Environ(), "KUBECONFIG="+s.Kubeconfig), bytes.NewReader(stdin)
	var out, problem bytes.Buffer
	c.Stdout, c.Stderr = &out, &problem
	if err := c.Run(); err != nil {
		return out.String(), fmt.Errorf("kubectl %v: %w: %s", arguments, err, problem.String())
	}
	return out.String(), nil
}

// Program returns where a program of Kubernetes is.
func Program(name string) string {
	if dir := os.Getenv(ProgramsVariable); dir != "" {
		return filepath.Join(dir, name)
	}
	return name
}

func (s *Server) run(ctx context.Context, log, address, name string, arguments ...string) error {
	stop, err := program.Start(ctx, exec.Command(Program(name), arguments...), log, address) //nolint:gosec,noctx // it is stopped
	if err != nil {
		return err
	}
	s.stops = append(s.stops, stop)
	return nil
}

// trust takes the certificate that the server has made for itself, and writes the file for kubectl and Helm.
func (s *Server) trust(certificate string) error {
	text, err := os.ReadFile(certificate) //nolint:gosec // a path of ours
	if err != nil {
		return err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return errors.New("the server's certificate can't be read")
	}
	s.client = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}}}
	return os.WriteFile(s.Kubeconfig, fmt.Appendf(nil, `apiVersion: v1
kind: Config
current-context: test
clusters: [{name: test, cluster: {server: %q, certificate-authority: %q}}]
users: [{name: admin, user: {token: %q}}]
contexts: [{name: test, context: {cluster: test, user: admin}}]
`, s.URL, certificate, s.token), 0o600)
}

func (s *Server) awaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	return await(ctx, "the API server is not ready", func() (bool, error) {
		return s.call(ctx, http.MethodGet, "/readyz", nil, nil) == nil, nil
	})
}

// writeKey writes the key that tokens of accounts are signed with.
func writeKey(path string) error {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return err
	}
	block := &pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}
	return os.WriteFile(path, pem.EncodeToMemory(block), 0o600)
}

// looksEvery is how often what is waited for is looked at.
const looksEvery = 100 * time.Millisecond

// await waits until a condition holds, or fails, or the time is over.
func await(ctx context.Context, otherwise string, holds func() (bool, error)) error {
	for {
		if held, err := holds(); err != nil || held {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s: %w", otherwise, ctx.Err())
		case <-time.After(looksEvery):
		}
	}
}
