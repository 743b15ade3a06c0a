#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# limit: 600
# The demo, without a terminal and with one, where it leaves its user at the guest's shell.
. "$(dirname "$0")/lib.sh"

say "without a terminal"
expect 0 "$top/script/demo"
contains "The guest sees just what it was given: 2 cpus"
contains "Done."

say "again, on a terminal"
# shellcheck disable=SC2016
out=$(printf 'echo SUM-$((6 * 7)); exit\n' | { sleep 8; cat; sleep 5; } | script -qec "$top/script/demo" /dev/null) || fail "status $? on a terminal"
printf '%s\n' "$out" | tail -15
contains "SUM-42"
contains "Done."
expect 0 "$hospes" ps -a
case $out in *demo-*) fail "the demo left its guest behind" ;; esac
