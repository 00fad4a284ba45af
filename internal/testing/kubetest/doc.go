// Package kubetest runs a Kubernetes without nodes: etcd and kube-apiserver, as processes of this machine. What they
// admit, a real cluster admits: they are the same programs, with the same checks of fields, Pod Security and accounts.
//
//	s, err := kubetest.Start(ctx, dir)
//	defer s.Stop()
//	err = s.MakeNamespace(ctx, "shop")
//	out, err := s.Kubectl(ctx, nil, "-n", "shop", "get", "pods")
//
// "make bin/kubernetes-…" builds the programs, which the variable KUBERNETES names the folder of.
package kubetest
