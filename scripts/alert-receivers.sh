#!/usr/bin/env bash
# Fetches real receivers of alerts: a Prometheus Alertmanager from Debian, for test/e2e/alertmanager.test.ts, and an SMTP server,
# aiosmtpd, from the Python registry, for test/e2e/smtp-server.test.ts. One that cannot be had, for want of apt, Python or the network, is said so, and its
# test is skipped: this never fails. Nothing is installed outside node_modules/.cache.
set -uo pipefail
cd "$(dirname "$0")/.."
into=$PWD/node_modules/.cache/alert-receivers
mkdir -p "$into"

fetch_alertmanager() {
  local folder
  folder=$(mktemp -d)
  # _apt, as whom root downloads, must get at it.
  chmod 755 "$folder"
  (
    cd "$folder" || exit 1
    timeout 60 apt-get download -q prometheus-alertmanager ||
      { [[ $(id -u) == 0 ]] && timeout 120 apt-get update -q && timeout 60 apt-get download -q prometheus-alertmanager; }
  ) && dpkg -x "$folder"/prometheus-alertmanager_*.deb "$into/alertmanager" &&
    # Debian's build has the place of its templates fixed. This one looks in the folder it is started in.
    LC_ALL=C sed -i 's#/usr/share/prometheus/alertmanager#usr//share/prometheus/alertmanager#g' \
      "$into/alertmanager/usr/bin/prometheus-alertmanager"
  local fetched=$?
  rm -rf "$folder"
  return "$fetched"
}

if [[ -x $into/alertmanager/usr/bin/prometheus-alertmanager ]]; then
  echo "alertmanager: is there"
elif ! command -v apt-get >/dev/null || ! command -v dpkg >/dev/null; then
  echo "alertmanager: not fetched, this is not Debian"
elif ! fetch_alertmanager; then
  echo "alertmanager: not fetched"
fi

if ! (python3 -m venv "$into/python" && timeout 120 "$into/python/bin/pip" install -q aiosmtpd==1.4.6); then
  echo "aiosmtpd: not installed, there is no Python 3 or it could not be fetched"
fi
exit 0
