#!/bin/sh
# Makes vendor/retire.js, vendor/LICENSES.txt and jsrepository.json from the packages of package-lock.json.
# Needs npm (Node.js 20 or newer) and a package registry. Everything else happens in a temporary folder.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
build=$(mktemp -d)
trap 'rm -rf "$build"' EXIT
cp "$here/package.json" "$here/package-lock.json" "$here/.npmrc" "$here/entry.js" "$build"
cd "$build"
npm ci --no-audit --no-fund

version() { node -p "require('./node_modules/$1/package.json').version"; }
# retire itself loads its data from the network; this package carries a dated copy of it.
data=@salesforce/code-analyzer-retirejs-engine

node_modules/.bin/esbuild entry.js --bundle --format=esm --target=es2023 --charset=ascii \
  --banner:js="/* @ts-self-types=\"./retire.d.ts\" */
// deno-lint-ignore-file
// deno-fmt-ignore-file
// Made by build.sh of retire $(version retire); licence in LICENSES.txt." \
  --outfile=vendor/retire.js

{
  echo "==== retire $(version retire): vendor/retire.js, by Erlend Oftedal, Apache-2.0"
  echo "==== and its vulnerability data, jsrepository.json, of the same project and licence"
  echo
  cat node_modules/retire/LICENSE.md
  echo
  echo "==== $data $(version "$data"): the package jsrepository.json is copied from"
  echo
  cat "node_modules/$data/LICENSE"
  echo
} | tr -d '\r' > vendor/LICENSES.txt

mkdir -p "$here/vendor"
cp vendor/retire.js vendor/LICENSES.txt "$here/vendor"
node -e "
  const data = JSON.parse(require('fs').readFileSync('node_modules/$data/vulnerabilities/RetireJsVulns.json', 'utf8'));
  require('fs').writeFileSync(process.argv[1], JSON.stringify(data, null, 1) + '\n');
" "$here/jsrepository.json"
wc -c "$here/vendor/retire.js" "$here/jsrepository.json"
