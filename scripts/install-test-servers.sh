#!/bin/sh
# Installs what the tests run against and with: Dovecot, Cyrus, Exim, PostgreSQL, Node for SDKs, and for the benchmark wrk
# and mbsync. As root on Debian it does so; for others it prints the command, and tests that need it are skipped.
set -eu
missing=""
[ -x /usr/sbin/dovecot ] || command -v dovecot >/dev/null || missing="$missing dovecot-imapd dovecot-pop3d dovecot-lmtpd"
[ -x /usr/sbin/exim4 ] || command -v exim4 >/dev/null || missing="$missing exim4-daemon-light"
ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null || missing="$missing postgresql"
command -v node >/dev/null || missing="$missing nodejs"
command -v npm >/dev/null || missing="$missing npm"
command -v mbsync >/dev/null || missing="$missing isync"
command -v wrk >/dev/null || missing="$missing wrk"
# Debian installs one IMAP server alone: Cyrus is unpacked, beside Dovecot, and only its libraries are installed.
cyrus=/opt/cyrus-for-tests
unpack_cyrus() {
    folder=$(mktemp -d) &&
        $install libical3 libjansson4 libpcre3 libsasl2-modules libwrap0 libxapian30 >/dev/null &&
        (cd "$folder" && apt-get download --quiet=2 -o APT::Sandbox::User=root cyrus-common cyrus-imapd) &&
        for each in "$folder"/*.deb; do dpkg --extract "$each" $cyrus || return; done &&
        rm -r "$folder"
}
[ -x $cyrus/usr/lib/cyrus/bin/imapd ] || missing="$missing cyrus"
[ -n "$missing" ] || exit 0
install="apt-get install --yes --no-install-recommends"
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Installing$missing ..."
    # Their services are not wanted here: every test run starts servers of its own, on free ports.
    policy=/usr/sbin/policy-rc.d # which is asked before a service is started (invoke-rc.d(8))
    if [ ! -e "$policy" ]; then
        trap 'rm -f "$policy"' EXIT
        printf '#!/bin/sh\nexit 101\n' >"$policy"
        chmod +x "$policy"
    fi
    export DEBIAN_FRONTEND=noninteractive
    apt-get update --quiet=2
    packages=${missing% cyrus}
    [ -z "$packages" ] || $install $packages >/dev/null
    [ "$packages" = "$missing" ] || unpack_cyrus || echo "Cyrus cannot be unpacked here: tests that need it are skipped."
    exit 0
fi
echo "For all tests to run:  sudo $0"
[ "${REAL_SERVERS:-}" != required ] || exit 1
