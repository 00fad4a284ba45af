#!/bin/sh
# Runs a command that may take minutes, saying what goes on and for how long already:
#
#	slowly.sh "building the embedded stack" go build ./...
#
# Where PACKAGES says how many packages "go build -v" compiles, it says how many are done.
#
# What the command prints is shown only if it fails. On a terminal the line is rewritten in place.
set -u
what=$1
shift
log=$(mktemp) || exit 1
"$@" >"$log" 2>&1 &
command=$!
trap 'kill "$command" 2>/dev/null; rm -f "$log"; exit 130' INT TERM
seconds=0
said=
while kill -0 "$command" 2>/dev/null; do
	sleep 1
	seconds=$((seconds + 1))
	# the first after two seconds, then every five, or every second on a terminal
	if [ -t 1 ]; then
		[ "$seconds" -ge 2 ] || continue
	elif [ "$seconds" -ne 2 ] && [ $((seconds % 5)) -ne 0 ]; then
		continue
	fi
	kill -0 "$command" 2>/dev/null || break
	fetched=$(grep -c '^go: downloading' "$log")
	line="$what … $seconds s"
	if [ "${PACKAGES:-0}" -gt 0 ]; then line="$line, $(grep -c -v '^go: ' "$log") of $PACKAGES packages compiled"; fi
	if [ "$fetched" -gt 0 ]; then line="$line ($fetched modules fetched)"; fi
	if [ -t 1 ]; then printf '\r\033[K%s' "$line"; else printf '%s\n' "$line"; fi
	said=yes
done
wait "$command"
status=$?
if [ -n "$said" ] && [ -t 1 ]; then printf '\n'; fi
if [ "$status" -ne 0 ]; then grep -v -e '^go: downloading' -e '^[a-z0-9./_-]*$' "$log" >&2; fi
rm -f "$log"
exit "$status"
