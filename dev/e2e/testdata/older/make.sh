#!/bin/sh
# Makes what is beside this script, with the version from before an order had a recipient, taxes, discounts and shipping
# lines: orders in each state, as that version stored and showed them. It needs PostgreSQL's pg_dump, and its servers.
set -eu
version=d9e03ae815f3d2278e8109ef68d720a5f7b7699a
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
git -C "$here" worktree add --detach "$work/older" "$version"
trap 'git -C "$here" worktree remove --force "$work/older"; rm -rf "$work"' EXIT
cp "$here/make_test.go.txt" "$work/older/dev/e2e/make_older_test.go"
OLDER="$work" go -C "$work/older/dev" test -count=1 -run TestMakeOlder ./e2e
gzip --best --no-name --stdout "$work/orderloom.sql" >"$here/orderloom.sql.gz"
cp "$work/orders.json" "$work/ledger.jsonl" "$here/"
