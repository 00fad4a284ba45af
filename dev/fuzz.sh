#!/bin/sh
# Fuzzes every target of the platform in turn, each for a time: fuzz.sh 20s
#
# What fails is kept as a seed beside its test (testdata/fuzz), and fails from then on in "go test" too.
set -u
time=$1
status=0
for file in $(grep -rl --include='*_test.go' '^func Fuzz' . | sort); do
	for name in $(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\)(.*/\1/p' "$file"); do
		echo "== $name of $(dirname "$file")"
		go test -run '^$' -fuzz "^$name\$" -fuzztime "$time" "$(dirname "$file")" || status=1
	done
done
exit $status
