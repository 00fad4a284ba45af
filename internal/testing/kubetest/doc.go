// Package kubetest runs a Kubernetes without nodes: etcd and kube-apiserver, as processes of this machine. What they
// admit, a real cluster admits: they are the same programs, with the same checks of fields, Pod Security and accounts.
//
//	s, err := kubetest.Start(ctx, dir)
//	defer s.Stop()
//	err = s.MakeNamespace(ctx, "shop")
//	out, err := s.Kubectl(ctx, nil, "-n", "shop", "get", "pods")
//
// A [Node] does the work of controllers and of a kubelet. It runs the pods of Jobs and Deployments as processes of this
// machine, with the command, variables and probes that the server holds. There is no network of pods: each has an
// address of loopback instead.
//
// "make bin/kubernetes-…" builds the programs, which the variable KUBERNETES names the folder of.
package kubetest
