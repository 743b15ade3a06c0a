#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# limit: 600
# Guests that misbehave and monitors that are killed: told as such, nothing left behind, neighbours unharmed.
. "$(dirname "$0")/lib.sh"
need_kernel
need_image
guests+=(t-good t-bad)
state() { "$hospes" ps -a --json | python3 -c 'import json,sys; print([g["state"] for g in json.load(sys.stdin) if g["name"] == sys.argv[1]][0])' "$1"; }
# shows NAME STATE: within 30 s
shows() {
	for _ in $(seq 150); do
		[ "$(state "$1")" = "$2" ] && return 0
		sleep 0.2
	done
	fail "$1 is $(state "$1") instead of $2"
}

expect 0 "$hospes" run --vm -d --name t-good --memory 256M debian
expect 0 "$hospes" run --vm -d --name t-bad --memory 256M debian

say "a guest that panics is told as such; its neighbour does not notice"
"$hospes" exec t-bad sh -c 'echo 1 >/proc/sys/kernel/sysrq; echo 0 >/proc/sys/kernel/panic; echo c >/proc/sysrq-trigger' || :
shows t-bad broken
expect 0 "$hospes" inspect t-bad
case $out in *[Pp]anic*) ;; *) fail "inspect does not say why" ;; esac
expect 0 "$hospes" logs t-bad
contains "Kernel panic"
expect 0 "$hospes" exec t-good echo alive
contains alive
expect 0 "$hospes" kill t-bad
expect 0 "$hospes" start t-bad
expect 0 "$hospes" exec t-bad echo again
contains again

say "a monitor that is killed is found, cleaned up, and its guest starts again with its disk intact"
expect 0 "$hospes" exec t-bad sh -c 'echo precious >/root/precious; sync'
pid=$("$hospes" inspect t-bad | python3 -c 'import json,sys; print(json.load(sys.stdin)[0]["pid"])')
kill -9 "$pid"
shows t-bad crashed
expect 0 "$hospes" start t-bad
expect 0 "$hospes" exec t-bad cat /root/precious
contains precious

say "pause stops time and resume goes on"
expect 0 "$hospes" pause t-bad
[ "$(state t-bad)" = paused ] || fail "state is $(state t-bad)"
expect 0 "$hospes" resume t-bad
expect 0 "$hospes" exec t-bad echo resumed
contains resumed

say "the plug is pulled from a guest that does not listen"
expect 0 "$hospes" exec t-bad sh -c 'kill -STOP 1 2>/dev/null; echo 0 >/proc/sys/kernel/panic'
expect 0 "$hospes" kill t-bad
shows t-bad stopped
expect 0 "$hospes" rm t-bad
[ ! -e "$HOSPES_ROOT/data/guests/t-bad" ] && [ ! -e "$HOSPES_ROOT/run/t-bad" ] || fail "rm left something behind"

say "Ctrl-C at any moment leaves nothing behind"
for after in 0.05 0.3 1 3; do
	before=$(ls "$HOSPES_ROOT/data/guests")
	timeout -s INT "$after" "$hospes" run --vm --rm --name t-int --memory 256M debian sleep 100 || :
	for _ in $(seq 50); do [ -e "$HOSPES_ROOT/run/t-int" ] || break; sleep 0.2; done
	[ "$(ls "$HOSPES_ROOT/data/guests")" = "$before" ] || fail "interrupted after $after s: $(ls "$HOSPES_ROOT/data/guests") instead of $before"
	[ ! -e "$HOSPES_ROOT/run/t-int" ] || fail "interrupted after $after s: a run directory is left"
done
expect 0 "$hospes" stop t-good
expect 0 "$hospes" rm t-good
