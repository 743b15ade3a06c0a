#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# oci-many.sh - many containers, one after the other and at once; then nothing of them is left.
# limit: 600
#
#   ROUNDS=10000 AT_ONCE=200 tests/e2e/oci-many.sh      (default: 300 and 60)
. "$(dirname "$0")/oci/lib.sh"

# Others may run containers at the same time: names and the program tell ours apart.
me=$$
program="sleep $((1000000 + me))"
configure sleep.json "c['process']['args'] = ['/bin/sleep', '$((1000000 + me))']"
files_before=$(cut -f1 /proc/sys/fs/file-nr)

say "${ROUNDS:=300} rounds"
for i in $(seq "$ROUNDS"); do
	"$oci" --root "$states" run --config config.json "r$me-$i" </dev/null || fail "round $i"
done
for i in $(seq $((ROUNDS / 10))); do
	"$oci" --root "$states" create --config sleep.json "c$me-$i" </dev/null >/dev/null || fail "create $i"
	"$oci" --root "$states" start "c$me-$i" || fail "start $i"
	"$oci" --root "$states" delete --force "c$me-$i" || fail "delete $i"
done

say "${AT_ONCE:=60} at once"
pids=()
for i in $(seq "$AT_ONCE"); do
	"$oci" --root "$states" run --detach --config sleep.json "m$me-$i" </dev/null >/dev/null &
	pids+=($!)
done
for p in "${pids[@]}"; do wait "$p" || fail "one of many"; done
[ "$(o list -q | grep -c .)" -eq "$AT_ONCE" ] || fail "not all of them run"
[ "$(o exec "m$me-$AT_ONCE" /bin/echo there)" = there ] || fail "exec among many"
for i in $(seq "$AT_ONCE"); do "$oci" --root "$states" delete --force "m$me-$i" & done
wait

nothing_left
[ -z "$(find /sys/fs/cgroup -name "hospes-[rcm]$me-*")" ] || fail "cgroups are left"
! pgrep -f "$program" || fail "processes are left"
[ $(($(cut -f1 /proc/sys/fs/file-nr) - files_before)) -lt 2000 ] || fail "open files are left"
echo "nothing of many is left"
