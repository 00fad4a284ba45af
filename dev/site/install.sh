#!/bin/sh
# Makes a virtual environment that builds the documents as a site, in the versions and with the hashes of
# requirements.txt. Beside it lies the script that draws diagrams in the browser, from npm:
#
#	install.sh bin/mkdocs-material-9.8.2
set -eu
target=$1
mermaid=11.17.2
mermaid_sha256=581ed7d74bd9048d0e3a91363927d72ef22942d7722546b27f7cc29e35390eb8
here=$(cd "$(dirname "$0")" && pwd)
folder=$target.part
trap 'rm -rf "$folder"' EXIT
rm -rf "$folder"
mkdir -p "$(dirname "$target")"
python3 -m venv "$folder"
"$here/../slowly.sh" "installing MkDocs" \
	"$folder/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r "$here/requirements.txt"
(
	cd "$folder"
	"$here/../slowly.sh" "fetching Mermaid" npm pack --silent "mermaid@$mermaid"
	tar -xzf "mermaid-$mermaid.tgz" package/dist/mermaid.min.js
	echo "$mermaid_sha256  package/dist/mermaid.min.js" | sha256sum --check --quiet
	mv package/dist/mermaid.min.js .
	rm -rf package "mermaid-$mermaid.tgz"
)
rm -rf "$target"
mv "$folder" "$target"
