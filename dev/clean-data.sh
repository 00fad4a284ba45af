#!/bin/sh
# Forgets everything in a data directory of the embedded stack:
#
#	clean-data.sh .data
#
# As root, PostgreSQL's data may lie elsewhere, where its user can reach them: then postgres is a link.
set -eu
data=$1
[ -e "$data" ] || exit 0
if [ ! -e "$data/lock" ]; then
	echo "$data is no data directory of the embedded stack: nothing was removed" >&2
	exit 1
fi
if [ -L "$data/postgres" ]; then
	postgres=$(readlink "$data/postgres")
	if [ -d "$postgres/cluster" ]; then
		rm -rf "$postgres"
		rmdir "$(dirname "$postgres")" 2>/dev/null || true
	fi
fi
rm -rf "$data"
