//go:build kubernetes

package e2e_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/jackc/pgx/v5"
	"github.com/orderloom/orderloom/client"
	"github.com/orderloom/orderloom/dev/stack"
	"github.com/orderloom/orderloom/internal/testing/kubetest"
	"github.com/stretchr/testify/require"
)

// shopNamespace is where docs/kubernetes.md installs everything.
const shopNamespace = "shop"

// cluster is a Kubernetes whose pods are processes of this machine, with what the platform needs around it.
type cluster struct {
	*stack.Stack
	server *kubetest.Server
	node   *kubetest.Node
	// values is a copy of deploy/helm/values/base.yaml, with the addresses of the servers here.
	values string
	// addresses are those of the document, each with the one here.
	addresses *strings.Replacer
	superuser *pgx.ConnConfig
	tools     string // a folder with kubectl and helm
	ledger    string // of the sandbox gateway
	dir       string
	// byController is set where Temporal's Worker Controller has the workers.
	byController bool
}

// openCluster starts everything, with nothing installed. Images 0.1.0 and 0.2.0 are different builds of the program.
func openCluster(t *testing.T) *cluster {
	t.Helper()
	c := &cluster{}
	// Others may enter it: pods have a user of their own.
	dir, err := os.MkdirTemp("", "orderloom-cluster-")
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) }) // files of a cluster that is gone
	require.NoError(t, os.Chmod(dir, 0o755))    //nolint:gosec // see above
	c.dir = dir
	programs := map[string]string{}
	for tag, flags := range map[string]string{"0.1.0": "", "0.2.0": "-s"} {
		program := filepath.Join(dir, "orderloom-"+tag)
		build := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-ldflags="+flags, "-o", program, "./cmd/orderloom")
		build.Dir = "../.."
		out, err := build.CombinedOutput()
		require.NoError(t, err, string(out))
		programs["registry.example.com/orderloom:"+tag] = program
	}
	c.Stack, err = stack.Start(t.Context(), stack.Options{Log: t.Logf})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Stop(context.Background())) })
	c.makeRoles(t)
	c.writeValues(t, dir)

	c.server, err = kubetest.Start(t.Context(), dir)
	require.NoError(t, err)
	t.Cleanup(c.server.Stop)
	c.node = &kubetest.Node{Server: c.server, Namespace: shopNamespace, Programs: programs, Dir: filepath.Join(dir, "pods"), Logf: t.Logf}
	require.NoError(t, os.Mkdir(c.node.Dir, 0o755)) //nolint:gosec // see above
	c.node.Open(t.Context())
	t.Cleanup(func() {
		c.node.Close()
		for _, p := range c.node.Former("") {
			if log, _ := os.ReadFile(p.Log); t.Failed() {
				t.Logf("%s:\n%s", p.Name, log[max(0, len(log)-tailBytes/4):])
			}
		}
	})
	c.tools = filepath.Join(dir, "tools")
	require.NoError(t, os.Mkdir(c.tools, 0o750))
	require.NoError(t, os.Symlink(kubetest.Program("kubectl"), filepath.Join(c.tools, "kubectl")))
	require.NoError(t, os.Symlink(os.Getenv("HELM"), filepath.Join(c.tools, "helm")))
	return c
}

var sqlBlock = regexp.MustCompile("(?s)```sql\n(CREATE ROLE.*?)```")

// makeRoles carries out what docs/operations.md says of the roles of PostgreSQL.
func (c *cluster) makeRoles(t *testing.T) {
	t.Helper()
	document, err := os.ReadFile("../../docs/operations.md")
	require.NoError(t, err)
	found := sqlBlock.FindSubmatch(document)
	require.NotNil(t, found)
	superuser, err := url.Parse(c.DatabaseURL)
	require.NoError(t, err)
	superuser.Path = "/postgres"
	c.superuser, err = pgx.ParseConfig(superuser.String())
	require.NoError(t, err)
	execute := atServer(t, superuser.String())
	execute("DROP DATABASE orderloom") // the stack's own, which has the document's name
	execute(strings.Split(strings.TrimSpace(string(found[1])), "\n")...)
}

// writeValues writes the addresses of the servers here into copies of what the document has, as it tells its reader.
func (c *cluster) writeValues(t *testing.T, dir string) {
	t.Helper()
	ledger := filepath.Join(dir, "ledger")
	c.ledger = filepath.Join(ledger, "ledger.jsonl")
	require.NoError(t, os.Mkdir(ledger, 0o755)) //nolint:gosec // for the pods' user
	require.NoError(t, os.Chmod(ledger, 0o777)) //nolint:gosec // which writes to it
	base, err := os.ReadFile("../../deploy/helm/values/base.yaml")
	require.NoError(t, err)
	text := string(base)
	for _, change := range [][2]string{
		{"temporal-frontend.temporal.svc:7233", c.TemporalAddress},
		{"kafka-bootstrap.kafka.svc:9092", c.KafkaBrokers + "\n  ORDERLOOM_KAFKA_REPLICATION: \"1\""},
		{"ORDERLOOM_PAYMENT_GATEWAY: stripe", "ORDERLOOM_MODE: test\n  ORDERLOOM_PAYMENT_GATEWAY: sandbox\n  ORDERLOOM_SANDBOX_LEDGER: " + c.ledger},
		{"  ORDERLOOM_STRIPE_RETURN_URL: https://shop.example.com/orders/{order_id}\n", ""},
		{"  STRIPE_API_KEY: {name: orderloom-stripe, key: api-key}\n", ""},
		{"  STRIPE_WEBHOOK_SECRET: {name: orderloom-stripe, key: webhook-secret}\n", ""},
	} {
		require.Contains(t, text, change[0])
		text = strings.Replace(text, change[0], change[1], 1)
	}
	text += "networkPolicy: {egress: {rules: [{}]}}\n" // the servers here have ports of their own
	c.values = filepath.Join(dir, "values.yaml")
	require.NoError(t, os.WriteFile(c.values, []byte(text), 0o600))
	c.addresses = strings.NewReplacer(
		"postgresql.shop.svc:5432/orderloom", fmt.Sprintf("%s:%d/orderloom?sslmode=disable", c.superuser.Host, c.superuser.Port),
		"redis.shop.svc:6379", miniredis.RunT(t).Addr(),
		"deploy/helm/values/base.yaml", c.values,
	)
}

// addValues writes more values into the copy of base.yaml.
func (c *cluster) addValues(t *testing.T, text string) {
	t.Helper()
	values, err := os.ReadFile(c.values)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(c.values, append(values, text...), 0o600))
}

// run carries out a line of the document in a shell, as its reader does, and returns what it says.
func (c *cluster) run(t *testing.T, line string) string {
	t.Helper()
	if found := inPod.FindStringSubmatch(line); found != nil {
		return c.exec(t, found[1], found[2])
	}
	out, err := c.try(t, line)
	require.NoError(t, err)
	return out
}

// try is [cluster.run] for a line that may fail.
func (c *cluster) try(t *testing.T, line string) (string, error) {
	t.Helper()
	t.Log(line)
	shell := exec.CommandContext(t.Context(), "sh", "-ec", c.addresses.Replace(line)) //nolint:gosec // from the document
	shell.Dir = "../.."
	shell.Env = append(os.Environ(), "KUBECONFIG="+c.server.Kubeconfig, "PATH="+c.tools+":"+os.Getenv("PATH"))
	var out, problem bytes.Buffer
	shell.Stdout, shell.Stderr = &out, &problem
	if err := shell.Run(); err != nil {
		return out.String(), fmt.Errorf("%s: %w: %s%s", line, err, &out, &problem)
	}
	return out.String(), nil
}

// inPod is a command that runs in a pod. Without a kubelet, a process with the pod's variables carries it out.
var inPod = regexp.MustCompile(`^kubectl -n shop exec deploy/orderloom-(\S+) -- /orderloom (.*)$`)

func (c *cluster) exec(t *testing.T, component, arguments string) string {
	t.Helper()
	t.Logf("in a pod of %s: orderloom %s", component, arguments)
	words, err := exec.CommandContext(t.Context(), "sh", "-c", `for word in `+arguments+`; do echo "$word"; done`).Output() //nolint:gosec // from the document
	require.NoError(t, err)
	out, err := c.node.Pods(component)[0].Exec(t.Context(), strings.Split(strings.TrimSpace(string(words)), "\n")...)
	require.NoError(t, err)
	return out
}

// awaitRollout waits until all deployments have their pods, of an image, and no others.
func (c *cluster) awaitRollout(t *testing.T, image string) {
	t.Helper()
	for _, component := range []string{"api", "projector", "worker"} {
		if component == "worker" && c.byController {
			c.awaitCurrent(t, "registry.example.com/orderloom:"+image)
			continue
		}
		c.run(t, "kubectl -n shop rollout status --timeout=5m deployment/orderloom-"+component)
		await(t, "the end of the former pods", func() bool {
			for _, p := range c.node.Pods(component) {
				if !p.Ready() || p.Image != "registry.example.com/orderloom:"+image {
					return false
				}
			}
			return true
		})
	}
}

// service sends requests to the pods of the API that are ready, which it looks up now and then as a node does. It
// repeats none, and notes the answers that no customer may get.
type service struct {
	url   string
	bad   sync.Map // what went wrong, each with how often
	total atomic.Int64
	busy  atomic.Int64 // answers 503 with Retry-After
}

// looksUpEvery is how late a service learns that a pod has stopped: less than the pause before pods stop.
const looksUpEvery = 2 * time.Second

func (c *cluster) serve(t *testing.T) *service {
	t.Helper()
	s := &service{}
	var ready atomic.Pointer[[]*url.URL]
	look := func() {
		var found []*url.URL
		for _, p := range c.node.Pods("api") {
			if p.Ready() {
				found = append(found, &url.URL{Scheme: "http", Host: p.Address + ":8080"})
			}
		}
		ready.Store(&found)
	}
	look()
	go func() {
		for t.Context().Err() == nil {
			time.Sleep(looksUpEvery) //nolint:forbidigo // as a node does
			look()
		}
	}()
	next := atomic.Int64{}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			s.total.Add(1)
			at := *ready.Load()
			r.SetURL(at[next.Add(1)%int64(len(at))])
		},
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			if r.Context().Err() == nil {
				s.fails(fmt.Sprintf("%s %s: %v", r.Method, r.URL.Path, err))
			}
			w.WriteHeader(http.StatusBadGateway)
		},
		ModifyResponse: func(r *http.Response) error {
			switch {
			case r.StatusCode == http.StatusServiceUnavailable && r.Header.Get("Retry-After") != "":
				s.busy.Add(1)
			case r.StatusCode >= http.StatusInternalServerError:
				s.fails(fmt.Sprintf("%s %s: %s", r.Request.Method, r.Request.URL.Path, r.Status))
			}
			return nil
		},
	}
	server := httptest.NewServer(proxy)
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

func (s *service) fails(what string) {
	count, _ := s.bad.LoadOrStore(what, &atomic.Int64{})
	count.(*atomic.Int64).Add(1)
}

// failures are the answers that no customer may get.
func (s *service) failures() (all []string) {
	s.bad.Range(func(what, count any) bool {
		all = append(all, fmt.Sprintf("%s (%d times)", what, count.(*atomic.Int64).Load()))
		return true
	})
	return all
}

// client is a customer's, which waits as Retry-After says.
func (s *service) client(t *testing.T, key string) *client.Client {
	t.Helper()
	c, err := client.New(s.url, client.WithAPIKey(key))
	require.NoError(t, err)
	return c
}
