package kubetest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Node runs the pods of a namespace's Jobs and Deployments as processes of this machine, until [Node.Close]. Pods of a
// Deployment are replaced as its strategy says. Liveness, limits and NetworkPolicies are nobody's here.
type Node struct {
	Server    *Server
	Namespace string
	// Programs are what images hold, by their names: the path of a program that any user may run.
	Programs map[string]string
	// Dir is where pods have their folders, which any user may enter.
	Dir string
	// Logf takes what goes wrong.
	Logf func(format string, arguments ...any)

	mu     sync.Mutex
	pods   []*Pod
	all    []*Pod // the former ones too
	jobs   map[string]bool
	told   map[string]string // the status of each Deployment
	number int32             // of all nodes of this process
	count  int
	stop   context.CancelFunc
	ended  sync.WaitGroup
}

// nodes is how many there have been.
var nodes atomic.Int32

// Open begins the work.
func (n *Node) Open(ctx context.Context) {
	ctx, n.stop = context.WithCancel(ctx)
	n.jobs, n.told, n.number = map[string]bool{}, map[string]string{}, nodes.Add(1)
	n.ended.Go(func() {
		for ctx.Err() == nil {
			if err := n.work(ctx); err != nil && ctx.Err() == nil {
				n.logf("%v", err)
			}
			select {
			case <-ctx.Done():
			case <-time.After(looksEvery):
			}
		}
	})
}

// Close ends the work and kills all pods.
func (n *Node) Close() {
	n.stop()
	n.ended.Wait()
}

// Pods returns the pods of a component that run or are about to; of all components for none.
func (n *Node) Pods(component string) []*Pod { return n.of(&n.pods, component) }

// Former returns all pods of a component that there have been, in the order of their start.
func (n *Node) Former(component string) []*Pod { return n.of(&n.all, component) }

func (n *Node) of(pods *[]*Pod, component string) (found []*Pod) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, p := range *pods {
		if component == "" || p.Component == component {
			found = append(found, p)
		}
	}
	return found
}

func (n *Node) work(ctx context.Context) error {
	jobs, err := n.Server.Items(ctx, n.path("/apis/batch/v1", "jobs"))
	if err != nil {
		return err
	}
	for _, job := range jobs {
		uid := fmt.Sprint(At(job, "metadata", "uid"))
		if !n.jobs[uid] && At(job, "status", "completionTime") == nil {
			n.jobs[uid] = true
			n.ended.Go(func() { n.runJob(ctx, job) })
		}
	}
	deployments, err := n.Server.Items(ctx, n.path("/apis/apps/v1", "deployments"))
	if err != nil {
		return err
	}
	owners := map[string]bool{}
	for _, d := range deployments {
		owners["Deployment/"+d.Name()] = true
		if err := n.roll(ctx, d); err != nil {
			return fmt.Errorf("deployment %s: %w", d.Name(), err)
		}
	}
	for _, p := range n.Pods("") {
		if p.hash != "" && !owners[p.owner] {
			n.dismiss(ctx, p)
		}
	}
	return nil
}

// runJob runs a job's pod, and another one for each that fails, as often as the job allows.
func (n *Node) runJob(ctx context.Context, job Object) {
	path, begun := n.path("/apis/batch/v1", "jobs", job.Name()), now()
	failed := 0
	for ; failed <= int(number(At(job, "spec", "backoffLimit"), 6)); failed++ {
		p, err := n.admit(ctx, "Job", job, "")
		if err != nil {
			n.logf("job %s: %v", job.Name(), err)
			continue
		}
		well := p.runOnce(ctx)
		n.remove(ctx, p)
		if ctx.Err() != nil {
			return
		}
		if well {
			n.finish(ctx, path, Object{
				"startTime": begun, "completionTime": now(), "succeeded": 1, "failed": failed,
				"conditions": []Object{condition("SuccessCriteriaMet", "CompletionsReached"), condition("Complete", "CompletionsReached")},
			})
			return
		}
		text, _ := os.ReadFile(p.Log)
		n.logf("job %s: %s", job.Name(), text)
	}
	n.finish(ctx, path, Object{
		"startTime": begun, "failed": failed,
		"conditions": []Object{condition("FailureTarget", "BackoffLimitExceeded"), condition("Failed", "BackoffLimitExceeded")},
	})
}

func (n *Node) finish(ctx context.Context, path string, status Object) {
	if err := n.Server.SetStatus(ctx, path, status); err != nil && !missing(err) {
		n.logf("%s: %v", path, err)
	}
}

// roll brings a Deployment's pods one step closer to what it says, and writes its status.
func (n *Node) roll(ctx context.Context, d Object) error {
	text, err := json.Marshal(At(d, "spec", "template"))
	if err != nil {
		return err
	}
	sum := sha256.Sum256(text)
	hash := hex.EncodeToString(sum[:5])
	var fresh, old []*Pod
	ready, updated := 0, 0
	for _, p := range n.Pods("") {
		if p.owner != "Deployment/"+d.Name() || p.told.Load() {
			continue
		}
		if p.Ready() {
			ready++
		}
		if p.hash == hash {
			fresh = append(fresh, p)
			updated++
		} else {
			old = append(old, p)
		}
	}
	replicas := int(number(At(d, "spec", "replicas"), 1))
	surge := int(number(At(d, "spec", "strategy", "rollingUpdate", "maxSurge"), 0))
	spare := ready - replicas + int(number(At(d, "spec", "strategy", "rollingUpdate", "maxUnavailable"), 0))
	switch {
	case len(fresh) < replicas && len(fresh)+len(old) < replicas+surge:
		p, err := n.admit(ctx, "Deployment", d, hash)
		if err != nil {
			return err
		}
		n.ended.Go(func() { p.serve(ctx) })
	case len(fresh) > replicas:
		n.dismiss(ctx, fresh[len(fresh)-1])
	case len(old) > 0:
		i := slices.IndexFunc(old, func(p *Pod) bool { return !p.Ready() })
		if i < 0 && spare > 0 {
			i = 0
		}
		if i >= 0 {
			n.dismiss(ctx, old[i])
		}
	}
	return n.tell(ctx, d, Object{
		"observedGeneration": At(d, "metadata", "generation"), "replicas": len(fresh) + len(old), "updatedReplicas": updated,
		"readyReplicas": ready, "availableReplicas": ready, "unavailableReplicas": max(0, replicas-ready),
	}, ready >= replicas)
}

// tell writes a Deployment's status, when it is another one than before.
func (n *Node) tell(ctx context.Context, d Object, status Object, available bool) error {
	counts := fmt.Sprint(At(d, "metadata", "uid"), status)
	if n.told[d.Name()] == counts {
		return nil
	}
	is := "False"
	if available {
		is = "True"
	}
	status["conditions"] = []Object{{"type": "Available", "status": is, "lastTransitionTime": now(), "lastUpdateTime": now()}}
	if err := n.Server.SetStatus(ctx, n.path("/apis/apps/v1", "deployments", d.Name()), status); err != nil {
		return err
	}
	n.told[d.Name()] = counts
	return nil
}

// admit makes a pod of an owner's template at the server, which checks it.
func (n *Node) admit(ctx context.Context, kind string, owner Object, hash string) (*Pod, error) {
	n.mu.Lock()
	n.count++
	p := &Pod{
		Name: fmt.Sprintf("%s-%d", owner.Name(), n.count), Address: fmt.Sprintf("127.%d.%d.%d", 6+n.number, n.count/200, 1+n.count%200),
		Component: fmt.Sprint(At(owner, "spec", "template", "metadata", "labels", "app.kubernetes.io/component")),
		node:      n, owner: kind + "/" + owner.Name(), hash: hash, leaving: make(chan struct{}), gone: make(chan struct{}),
	}
	n.mu.Unlock()
	p.dir, p.Log = filepath.Join(n.Dir, p.Name), filepath.Join(n.Dir, p.Name+".log")
	if err := os.MkdirAll(p.dir, 0o750); err != nil {
		return nil, err
	}
	labels := Object{}
	given, _ := At(owner, "spec", "template", "metadata", "labels").(map[string]any)
	for name, value := range given {
		labels[name] = value
	}
	if hash != "" {
		labels["pod-template-hash"] = hash
	}
	var err error
	p.object, err = n.Server.Create(ctx, n.path("/api/v1", "pods"), Object{
		"metadata": Object{"name": p.Name, "labels": labels, "annotations": At(owner, "spec", "template", "metadata", "annotations")},
		"spec":     At(owner, "spec", "template", "spec"),
	})
	if err != nil {
		return nil, err
	}
	p.Image = fmt.Sprint(p.container()["image"])
	n.mu.Lock()
	defer n.mu.Unlock()
	n.pods, n.all = append(n.pods, p), append(n.all, p)
	return p, nil
}

// dismiss tells a pod to stop, and takes it away once it has.
func (n *Node) dismiss(ctx context.Context, p *Pod) {
	if p.told.Swap(true) {
		return
	}
	close(p.leaving)
	n.ended.Go(func() {
		<-p.gone
		n.remove(ctx, p)
	})
}

func (n *Node) remove(ctx context.Context, p *Pod) {
	if err := n.Server.Delete(ctx, n.path("/api/v1", "pods", p.Name)); err != nil && ctx.Err() == nil {
		n.logf("%v", err)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.pods = slices.DeleteFunc(n.pods, func(other *Pod) bool { return other == p })
}

// path returns that of a collection of the namespace, or of an object in it.
func (n *Node) path(version, collection string, name ...string) string {
	path := version + "/namespaces/" + n.Namespace + "/" + collection
	for _, part := range name {
		path += "/" + part
	}
	return path
}

func (n *Node) logf(format string, arguments ...any) {
	if n.Logf != nil {
		n.Logf(format, arguments...)
	}
}

func condition(kind, reason string) Object {
	return Object{"type": kind, "status": "True", "reason": reason, "message": reason, "lastTransitionTime": now(), "lastProbeTime": now()}
}

func now() string { return time.Now().UTC().Format(time.RFC3339) }
