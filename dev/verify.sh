#!/bin/sh
# Fails when a generated file is not what it would be generated as, or a go.mod is untidy. Files that
# were changed and not committed yet are no failure: what counts is that generating changes nothing.
set -eu
cd "$(dirname "$0")/.."
before=$(mktemp)
after=$(mktemp)
trap 'rm -f "$before" "$after"' EXIT

# changed lists what differs from the last commit, each file with a hash of its content.
changed() { git ls-files --modified --others --exclude-standard | sort -u | xargs -r sha256sum 2>/dev/null || true; }

changed >"$before"
go generate ./...
changed >"$after"
if ! diff "$before" "$after" >/dev/null; then
	echo "generated files are stale; commit what \`make generate\` writes:" >&2
	diff "$before" "$after" | sed -n 's/^[<>] [0-9a-f]*  /  /p' | sort -u >&2
	exit 1
fi
# Those of Kubernetes are checked by "make test-kubernetes": their modules are large, and needed there alone.
# What stands for a library in dev/lean has no requirements of its own: those of dev hold.
for module in $(git ls-files 'go.mod' '*/go.mod' ':!internal/tools/*/go.mod' ':!dev/lean/*/go.mod' | xargs -n1 dirname); do
	if ! go -C "$module" mod tidy -diff >"$after" 2>&1; then
		echo "$module/go.mod or go.sum is untidy; run \`go mod tidy\` there:" >&2
		cat "$after" >&2
		exit 1
	fi
done
echo "generated files are fresh, go.mod and go.sum are tidy"
