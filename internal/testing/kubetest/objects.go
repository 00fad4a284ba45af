package kubetest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
)

// Object is one of Kubernetes, as JSON has it.
type Object map[string]any

// Kind returns its kind, such as "Deployment".
func (o Object) Kind() string { return fmt.Sprint(o["kind"]) }

// Name returns its name.
func (o Object) Name() string { return fmt.Sprint(At(o, "metadata", "name")) }

// At returns what lies below a value on a path of names; nil for nothing.
func At(value any, path ...string) any {
	for _, name := range path {
		switch v := value.(type) {
		case map[string]any:
			value = v[name]
		case Object:
			value = v[name]
		default:
			return nil
		}
	}
	return value
}

// List returns what lies below a value on a path as a list of objects.
func List(value any, path ...string) []Object {
	items, _ := At(value, path...).([]any)
	all := make([]Object, 0, len(items))
	for _, item := range items {
		if o, ok := item.(map[string]any); ok {
			all = append(all, o)
		}
	}
	return all
}

// Refusal is what the server answers a request that it does not carry out.
type Refusal struct {
	Status  int
	Message string
}

func (r *Refusal) Error() string {
	return fmt.Sprintf("the API server says %d: %s", r.Status, r.Message)
}

// missing reports whether an error says that there is no such thing.
func missing(err error) bool {
	refusal := (*Refusal)(nil)
	return errors.As(err, &refusal) && refusal.Status == http.StatusNotFound
}

// Get returns an object by its path, such as /apis/apps/v1/namespaces/shop/deployments/orderloom-api.
func (s *Server) Get(ctx context.Context, path string) (o Object, err error) {
	return o, s.call(ctx, http.MethodGet, path, nil, &o)
}

// Items returns the objects of a collection.
func (s *Server) Items(ctx context.Context, path string) ([]Object, error) {
	all, err := s.Get(ctx, path)
	return List(all, "items"), err
}

// Create makes an object in a collection, with every field checked, and returns it as the server holds it.
func (s *Server) Create(ctx context.Context, collection string, o Object) (made Object, err error) {
	return made, s.call(ctx, http.MethodPost, collection+"?fieldValidation=Strict", o, &made)
}

// SetStatus changes fields of an object's status, as its controller would.
func (s *Server) SetStatus(ctx context.Context, path string, status Object) error {
	return s.call(ctx, http.MethodPatch, path+"/status?fieldValidation=Strict", Object{"status": status}, nil)
}

// Delete takes an object away at once. One that is gone already is no error.
func (s *Server) Delete(ctx context.Context, path string) error {
	err := s.call(ctx, http.MethodDelete, path+"?gracePeriodSeconds=0", nil, nil)
	if missing(err) {
		return nil
	}
	return err
}

// MakeNamespace makes a namespace that admits only pods by the restricted Pod Security Standard. It has the account
// "default", which a controller makes in a cluster.
func (s *Server) MakeNamespace(ctx context.Context, name string) error {
	_, err := s.Create(ctx, "/api/v1/namespaces", Object{"metadata": Object{"name": name}})
	if err != nil {
		return err
	}
	return s.Restrict(ctx, name)
}

// Restrict makes an existing namespace one of [Server.MakeNamespace].
func (s *Server) Restrict(ctx context.Context, namespace string) error {
	labelled := Object{"metadata": Object{"labels": Object{"pod-security.kubernetes.io/enforce": "restricted"}}}
	if err := s.call(ctx, http.MethodPatch, "/api/v1/namespaces/"+namespace, labelled, nil); err != nil {
		return err
	}
	_, err := s.Create(ctx, "/api/v1/namespaces/"+namespace+"/serviceaccounts", Object{"metadata": Object{"name": "default"}})
	return err
}

// resources are the Go modules with the definitions of what operators add to Kubernetes, each with folder and files.
var resources = []struct {
	module, folder string
	files          []string
}{
	{
		"github.com/prometheus-operator/prometheus-operator@v0.92.1", "example/prometheus-operator-crd",
		[]string{"monitoring.coreos.com_servicemonitors.yaml", "monitoring.coreos.com_prometheusrules.yaml"},
	},
	{"github.com/kedacore/keda/v2@v2.18.1", "config/crd/bases", []string{"keda.sh_scaledobjects.yaml"}},
	{
		"github.com/temporalio/temporal-worker-controller@v1.8.1", "helm/temporal-worker-controller-crds/templates",
		[]string{
			"temporal.io_workerdeployments.yaml", "temporal.io_connections.yaml", "temporal.io_workerresourcetemplates.yaml",
			"temporal.io_temporalworkerdeployments.yaml", "temporal.io_temporalconnections.yaml", // which its controller looks for
		},
	},
	{
		"github.com/external-secrets/external-secrets@v0.16.2", "config/crds/bases",
		[]string{"external-secrets.io_externalsecrets.yaml"},
	},
}

// DefineResources makes the kinds known that operators bring: Prometheus', KEDA's, Temporal's and External Secrets'.
// Their definitions are fetched as Go modules.
func (s *Server) DefineResources(ctx context.Context) error {
	arguments := []string{"apply", "--server-side"}
	for _, r := range resources {
		c := exec.CommandContext(ctx, "go", "mod", "download", "-json", r.module) //nolint:gosec // from the table above
		c.Dir = "/"                                                               // not one of the modules here
		out, err := c.Output()
		if err != nil {
			return fmt.Errorf("fetch %s: %w: %s", r.module, err, out)
		}
		var module struct{ Dir string }
		if err := json.Unmarshal(out, &module); err != nil {
			return err
		}
		for _, file := range r.files {
			arguments = append(arguments, "--filename", filepath.Join(module.Dir, r.folder, file))
		}
	}
	if _, err := s.Kubectl(ctx, nil, arguments...); err != nil {
		return err
	}
	_, err := s.Kubectl(ctx, nil, "wait", "--for=condition=Established", "--timeout=60s", "customresourcedefinitions", "--all")
	return err
}

// call carries out a request, and decodes its answer. A PATCH merges.
func (s *Server) call(ctx context.Context, method, path string, body, answer any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, method, s.URL+path, bytes.NewReader(text))
	if err != nil {
		return err
	}
	if body == nil {
		request.Body, request.ContentLength = http.NoBody, 0
	}
	request.Header.Set("Authorization", "Bearer "+s.token)
	request.Header.Set("Content-Type", "application/json")
	if method == http.MethodPatch {
		request.Header.Set("Content-Type", "application/merge-patch+json")
	}
	response, err := s.client.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	text, err = io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode >= http.StatusBadRequest {
		var status struct{ Message string }
		_ = json.Unmarshal(text, &status) // it may be plain text
		return &Refusal{Status: response.StatusCode, Message: status.Message}
	}
	if answer == nil {
		return nil
	}
	return json.Unmarshal(text, answer)
}
