#!/bin/sh
# Builds etcd, kube-apiserver and kubectl of one version of Kubernetes from source, into a folder:
#
#	install.sh bin/kubernetes-v1.37.0 v1.37.0
#
# internal/tools/kubernetes/go.mod has the versions of all that they are made of. The first time takes about as long as
# compiling 2,000 packages does.
set -eu
target=$1
version=$2
here=$(cd "$(dirname "$0")" && pwd)
module=$here/../../internal/tools/kubernetes
major=${version#v}
minor=${major#*.}
names=k8s.io/component-base/version
flags="-s -w -X $names.gitVersion=$version -X $names.gitMajor=${major%%.*} -X $names.gitMinor=${minor%%.*} -X $names.gitTreeState=clean"
mkdir -p "$target"
folder=$(mktemp -d "$target.XXXXXX")
trap 'rm -rf "$folder"' EXIT
if ! grep -qE "k8s.io/kubernetes $version( |\$)" "$module/go.mod"; then
	echo "internal/tools/kubernetes/go.mod has another version of Kubernetes than $version" >&2
	exit 1
fi
output=$(cd "$folder" && pwd)
for program in go.etcd.io/etcd/server/v3:etcd k8s.io/kubernetes/cmd/kube-apiserver:kube-apiserver k8s.io/kubernetes/cmd/kubectl:kubectl; do
	"$here/../slowly.sh" "building ${program##*:} (the first time takes some minutes)" \
		go -C "$module" build -trimpath -ldflags "$flags" -o "$output/${program##*:}" "${program%:*}"
done
mv "$folder"/* "$target"
