#!/usr/bin/env bash
# Installs the clients of Healthchecks that test/e2e/healthchecks-clients.test.ts runs against the server. One that cannot be
# had, for want of Go or of the network, is said so, and its test is skipped: this never fails.
set -uo pipefail
cd "$(dirname "$0")/.."
into=$PWD/node_modules/.cache/healthchecks-clients
mkdir -p "$into"

if ! command -v go >/dev/null; then
  echo "runitor: not installed, there is no Go"
elif ! GOBIN="$into/bin" timeout 180 go install bdd.fi/x/runitor/cmd/runitor@v1.4.1; then
  echo "runitor: not installed, it could not be fetched or built"
fi

if ! timeout 120 npm install --prefix "$into" --no-save --no-package-lock --ignore-scripts --no-audit --no-fund \
  healthchecks-io-client@1.0.4; then
  echo "healthchecks-io-client: not installed, it could not be fetched"
fi

# Needs pkg_resources, which newer setuptools do not have any more.
if ! (python3 -m venv "$into/python" && timeout 120 "$into/python/bin/pip" install -q hchk==0.1.4 'setuptools<80'); then
  echo "hchk: not installed, there is no Python 3 or it could not be fetched"
fi
exit 0
