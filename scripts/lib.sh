# SPDX-License-Identifier: GPL-3.0-or-later
# lib.sh - what the scripts share: where things are, what they say, and packages
#
# Sourced by bash with "set -euo pipefail". Nothing here prints when there is nothing to do.
# shellcheck shell=bash

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck disable=SC2034 # the scripts that source this use it
readonly root

say() {
	printf '%s: %s\n' "$(basename "$0")" "$*"
}

die() {
	printf '%s: %s\n' "$(basename "$0")" "$*" >&2
	exit 1
}

# Runs a command as root: as it is when we are, else by sudo.
as_root() {
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo -- "$@"
	else
		die "installing packages needs root: run it as root, or install sudo"
	fi
}

# Prints those of the named packages that are not installed, one a line.
packages_missing() {
	local name state
	declare -A installed=()

	while read -r name state; do
		if [ "$state" = "ii" ]; then
			installed[$name]=1
		fi
	done < <(dpkg-query --show --showformat '${Package} ${db:Status-Abbrev}\n' "$@" \
		2>/dev/null || true)
	for name in "$@"; do
		if [ -z "${installed[$name]-}" ]; then
			printf '%s\n' "$name"
		fi
	done
}

# Runs a command when the script ends, however it ends; the last one named first.
cleanups=()
at_exit() {
	cleanups=("$1" "${cleanups[@]}")
}
run_cleanups() {
	local cleanup

	for cleanup in "${cleanups[@]}"; do
		eval "$cleanup"
	done
}
trap run_cleanups EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# While it stands, invoke-rc.d asks this file whether it may start a daemon; 101 says no.
readonly policy_file=/usr/sbin/policy-rc.d
made_policy=false
daemons_hold() {
	if [ ! -e "$policy_file" ]; then
		at_exit daemons_release
		made_policy=true
		printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy_file" >/dev/null
		as_root chmod 755 "$policy_file"
	fi
}
daemons_release() {
	if $made_policy; then
		made_policy=false
		as_root rm -f "$policy_file"
	fi
}

# Installs packages without a question and without starting or enabling a daemon of theirs, and
# never by removing another package.
packages_install() {
	local log

	say "installing: $*"
	log=$(mktemp)
	at_exit "rm -f '$log'"
	as_root apt-get -qq update 2>"$log" ||
		say "apt-get update had errors; going on with the lists there are"
	daemons_hold
	if ! as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-remove \
		--no-install-recommends -o Dpkg::Use-Pty=0 install "$@" >"$log" 2>&1; then
		tail -n 20 "$log" >&2
		die "apt-get could not install all of: $*"
	fi
	daemons_release
}

# Keeps the daemons of packages that were just installed from being started at the next boot.
daemons_disable() {
	local unit

	for unit in "$@"; do
		if command -v systemctl >/dev/null; then
			as_root systemctl --quiet disable "$unit" >/dev/null 2>&1 || true
		fi
		if [ -e "/etc/init.d/$unit" ] && command -v update-rc.d >/dev/null; then
			as_root update-rc.d "$unit" disable >/dev/null 2>&1 || true
		fi
	done
}
