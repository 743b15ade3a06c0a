#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# oci-many.sh - many containers, one after the other and at once; then nothing of them is left.
# limit: 280
#
#   ROUNDS=10000 AT_ONCE=200 tests/e2e/oci-many.sh      (default: 300 and 60)
. "$(dirname "$0")/oci/lib.sh"

files_before=$(cut -f1 /proc/sys/fs/file-nr)

say "${ROUNDS:=300} rounds"
for i in $(seq "$ROUNDS"); do
	"$oci" --root "$states" run --config config.json "r$i" </dev/null || fail "round $i"
done
for i in $(seq $((ROUNDS / 10))); do
	"$oci" --root "$states" create --config sleep.json "c$i" </dev/null >/dev/null || fail "create $i"
	"$oci" --root "$states" start "c$i" || fail "start $i"
	"$oci" --root "$states" delete --force "c$i" || fail "delete $i"
done

say "${AT_ONCE:=60} at once"
pids=()
for i in $(seq "$AT_ONCE"); do
	"$oci" --root "$states" run --detach --config sleep.json "m$i" </dev/null >/dev/null &
	pids+=($!)
done
for p in "${pids[@]}"; do wait "$p" || fail "one of many"; done
[ "$(o list -q | grep -c .)" -eq "$AT_ONCE" ] || fail "not all of them run"
[ "$(o exec "m$AT_ONCE" /bin/echo there)" = there ] || fail "exec among many"
for i in $(seq "$AT_ONCE"); do "$oci" --root "$states" delete --force "m$i" & done
wait

say "killed in the middle"
for i in $(seq 20); do
	"$oci" --root "$states" run --config sleep.json "k$i" </dev/null >/dev/null 2>&1 &
	p=$!
	sleep "0.00$((i % 9))"
	kill -9 $p
	wait $p 2>/dev/null || :
	"$oci" --root "$states" delete --force "k$i" || fail "delete what was left of k$i"
done

nothing_left
[ -z "$(find /sys/fs/cgroup -name 'hospes-[rcmk][0-9]*')" ] || fail "cgroups are left"
pgrep -f "sleep 100" >/dev/null && fail "processes are left"
[ $(($(cut -f1 /proc/sys/fs/file-nr) - files_before)) -lt 2000 ] || fail "open files are left"
echo "nothing of many is left"
