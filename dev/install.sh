#!/bin/sh
# Builds a tool from source and puts it where the Makefile wants it:
#
#	install.sh bin/golangci-lint-v2.15.0 github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
set -eu
target=$1
module=$2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir -p "$(dirname "$target")"
GOBIN=$folder "$(dirname "$0")/slowly.sh" "building $module" go install "$module"
mv "$folder"/* "$target"
