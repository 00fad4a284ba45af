#!/bin/sh
# Builds packages of a module, saying how many of those that have to be compiled are:
#
#	compile.sh "building the embedded stack" dev ./...
#
# The arguments behind the folder are those of "go build"; the last one names the packages. GO is the go command.
set -u
what=$1
folder=$2
shift 2
for packages in "$@"; do :; done
list=$(mktemp) || exit 1
trap 'rm -f "$list"' EXIT INT TERM
# A package that Go has compiled before is stale as well, but available in its cache.
dev/slowly.sh "$what: looking what it is made of" sh -c '"$0" -C "$1" list -deps -f "{{.StaleReason}}" "$2" >"$3"' \
	"${GO:-go}" "$folder" "$packages" "$list" || exit 1
PACKAGES=$(grep -c -v -e '^$' -e 'available in build cache' "$list")
export PACKAGES
dev/slowly.sh "$what" "${GO:-go}" -C "$folder" build -v "$@"
