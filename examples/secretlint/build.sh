#!/bin/sh
# Makes vendor/secretlint.js and vendor/LICENSES.txt from the packages of package-lock.json.
# Needs npm (Node.js 20 or newer) and a package registry. Everything else happens in a temporary folder.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
build=$(mktemp -d)
trap 'rm -rf "$build"' EXIT
cp -R "$here/package.json" "$here/package-lock.json" "$here/.npmrc" "$here/entry.js" "$here/shims" "$build"
cd "$build"
npm ci --no-audit --no-fund

version() { node -p "require('./node_modules/$1/package.json').version"; }
preset=node_modules/@secretlint/secretlint-rule-preset-recommend

node_modules/.bin/esbuild entry.js --bundle --format=esm --target=es2023 --charset=ascii \
  --alias:@secretlint/profiler=./shims/profiler.js \
  --alias:debug=./shims/debug.js \
  --alias:node:path=./shims/path.js \
  --alias:node:fs=./shims/fs.js \
  --banner:js="/* @ts-self-types=\"./secretlint.d.ts\" */
// deno-lint-ignore-file
// deno-fmt-ignore-file
// Made by build.sh of @secretlint/core $(version @secretlint/core) and \
@secretlint/secretlint-rule-preset-recommend $(version @secretlint/secretlint-rule-preset-recommend); \
licences in LICENSES.txt." \
  --outfile=vendor/secretlint.js

{
  for package in @secretlint/core @secretlint/secretlint-rule-preset-recommend structured-source boundary; do
    echo "==== $package $(version "$package")"
    echo
    node -p "const { author } = require('./node_modules/$package/package.json'); \`By \${author.name ?? author}\`"
    echo
    cat "node_modules/$package"/LICENSE*
    echo
  done
  echo "==== what the preset itself contains of others: lodash.uniq, lodash.uniqwith, lodash.sortby (MIT),"
  echo "==== regexp-string-matcher by azu (MIT), escape-string-regexp by Sindre Sorhus (MIT)"
  echo
  # The copyright notice in front of lodash's parts, once.
  awk '/^\/\*\*/ { text = "" } { text = text $0 "\n" } /^ \*\// { if (text ~ /lodash/) { printf "%s", text; exit } }' \
    "$preset/module/index.js"
  echo
  echo "The MIT licence's text is that of @secretlint/core above, with these copyright holders."
} | tr -d '\r' > vendor/LICENSES.txt

mkdir -p "$here/vendor"
cp vendor/secretlint.js vendor/LICENSES.txt "$here/vendor"
wc -c "$here/vendor/secretlint.js"
