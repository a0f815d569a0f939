#!/bin/sh
# Installs what the tests run against and with: Dovecot, PostgreSQL, Node for SDKs, and wrk for the benchmark. As root
# on Debian it does so by itself; elsewhere it prints the command, and the tests that need what is missing are skipped.
set -eu
missing=""
[ -x /usr/sbin/dovecot ] || command -v dovecot >/dev/null || missing="$missing dovecot-imapd dovecot-pop3d dovecot-lmtpd"
ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null || missing="$missing postgresql"
command -v node >/dev/null || missing="$missing nodejs"
command -v npm >/dev/null || missing="$missing npm"
command -v wrk >/dev/null || missing="$missing wrk"
[ -n "$missing" ] || exit 0
install="apt-get install --yes --no-install-recommends$missing"
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Installing$missing ..."
    # Their services are not wanted here: every test run starts servers of its own, on free ports.
    export DEBIAN_FRONTEND=noninteractive
    apt-get update --quiet=2
    $install >/dev/null
    exit 0
fi
echo "For all tests to run:  sudo $install"
[ "${REAL_SERVERS:-}" != required ] || exit 1
