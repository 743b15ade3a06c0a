#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# oci-systemd.sh - cgroups as scopes of a real systemd, which runs in a machine of our own.
# limit: 400
. "$(dirname "$0")/oci/lib.sh"

image=bench-systemd # the one of script/bench debian
(
	flock 9
	"$hospes" image ls --json | grep -q "\"$image\"" ||
		"$hospes" image build debian --name $image --include systemd-sysv,dbus,udev,cron >"$assets/image-systemd.log" 2>&1 ||
		{ cat "$assets/image-systemd.log"; exit 1; }
) 9>"$assets/image.lock"
machine=oci-systemd-$$
guests+=("$machine")
"$hospes" run --vm -d --engine soft --name "$machine" --cpus 2 --memory 768M $image
cp "$oci" "$work/hospes-oci"
tar -C "$work" -cf - hospes-oci -C "$bundle" rootfs | "$hospes" exec -i "$machine" sh -c 'mkdir /b && tar -C /b -xf -'

cat >"$work/inside.sh" <<'G'
set -eu
cd /b
o() { ./hospes-oci --systemd-cgroup "$@"; }
fail() { echo "FAILED: $*"; exit 1; }
for i in $(seq 100); do busctl status >/dev/null 2>&1 && break; sleep 0.5; done
o spec
sed -i 's/"terminal": true/"terminal": false/' config.json
sed 's/"sh"/"true"/' config.json >true.json
sed 's/"sh"/"nosuch"/' config.json >nosuch.json
sed 's/"sh"/"sleep", "100"/; s/"resources": {/"cgroupsPath": "machine.slice:box:one", "resources": {"pids": {"limit": 33}, "memory": {"limit": 67108864}, "cpu": {"shares": 512, "quota": 20000, "period": 100000},/' config.json >one.json
o run -d -f one.json one </dev/null >/dev/null 2>&1 || fail run
dir=/sys/fs/cgroup/machine.slice/box-one.scope
limits() { cat $dir/memory.max $dir/pids.max $dir/cpu.max $dir/cpu.weight | tr '\n' ' '; }
[ "$(limits)" = "67108864 33 20000 100000 20 " ] || fail "limits: $(limits)"
systemctl is-active --quiet box-one.scope || fail "no active scope"
[ "$(systemctl show box-one.scope -p Delegate)" = Delegate=yes ] || fail "not delegated"
systemctl daemon-reload
[ "$(limits)" = "67108864 33 20000 100000 20 " ] || fail "limits after a reload: $(limits)"
o update --memory 32M --cpu-quota 50000 one
[ "$(limits)" = "33554432 33 50000 100000 20 " ] || fail "limits after an update: $(limits)"
systemctl daemon-reload
[ "$(limits)" = "33554432 33 50000 100000 20 " ] || fail "limits after an update and a reload: $(limits)"
o update --pids-limit -1 --cpu-quota -1 one
systemctl daemon-reload
[ "$(limits)" = "33554432 max max 100000 20 " ] || fail "limits taken away: $(limits)"
o exec one true
o pause one
o resume one
o delete -f one
[ ! -e $dir ] || fail "the folder is left"
o run -f true.json two </dev/null || fail "a scope by its own name"
o run -f true.json two </dev/null || fail "the same once more"
! o run -f nosuch.json two </dev/null 2>/dev/null || fail "no program"
sleep 0.5
! systemctl list-units --all | grep -E 'hospes-two|box-one' || fail "units are left"
echo "scopes of systemd"
G
rc=0; out=$(timeout 200 "$hospes" exec -i "$machine" sh <"$work/inside.sh" 2>&1) || rc=$?
printf '%s\n' "$out"
[ $rc -eq 0 ] || fail "status $rc"
contains "scopes of systemd"
