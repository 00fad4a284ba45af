#!/bin/sh
# Makes a virtual environment with schemathesis, in the versions and with the hashes of requirements.txt:
#
#	install.sh bin/schemathesis-4.32.5
set -eu
target=$1
here=$(cd "$(dirname "$0")" && pwd)
folder=$target.part
trap 'rm -rf "$folder"' EXIT
rm -rf "$folder"
mkdir -p "$(dirname "$target")"
python3 -m venv "$folder"
"$here/../slowly.sh" "installing schemathesis" \
	"$folder/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r "$here/requirements.txt"
rm -rf "$target"
mv "$folder" "$target"
