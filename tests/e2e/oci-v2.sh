#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# oci-v2.sh - containers on cgroup v2 with all its controllers, which is to be had in a machine of our own.
# limit: 280
. "$(dirname "$0")/oci/lib.sh"

need_image
machine=oci-v2-$$
guests+=("$machine")
"$hospes" run --vm -d --engine soft --name "$machine" --cpus 2 --memory 768M debian
cp "$oci" "$work/hospes-oci"
tar -C "$work" -cf - hospes-oci -C "$bundle" rootfs | "$hospes" exec -i "$machine" sh -c 'mkdir /b && tar -C /b -xf -'

cat >"$work/inside.sh" <<'G'
set -eu
cd /b
o() { ./hospes-oci "$@"; }
fail() { echo "FAILED: $*"; exit 1; }
is() { # VALUE FILE
	[ "$(cat "/sys/fs/cgroup/hospes-b/$2")" = "$1" ] || fail "$2 is $(cat "/sys/fs/cgroup/hospes-b/$2"), not $1"
}
status() { o state b | sed -n 's/.*"status": "\(.*\)".*/\1/p'; }
[ "$(stat -fc %T /sys/fs/cgroup)" = cgroup2fs ] || fail "no cgroup v2"
o spec
sed -i 's/"terminal": true/"terminal": false/' config.json
sed 's/"sh"/"sleep", "100"/' config.json >sleep.json
sed 's/"sh"/"true"/' config.json >true.json
perl -0pe 's/"resources": \{/"resources": {"memory": {"limit": 67108864, "swap": 134217728, "reservation": 1048576}, "pids": {"limit": 30},
	"cpu": {"shares": 512, "quota": 20000, "period": 100000, "cpus": "0", "mems": "0"}, "blockIO": {"weight": 500},
	"unified": {"memory.high": "50331648"},/' sleep.json >limited.json
o run -f true.json a
o run -d -f limited.json b </dev/null >/dev/null 2>&1 || fail run
is 67108864 memory.max; is 67108864 memory.swap.max; is 1048576 memory.low; is 50331648 memory.high; is 30 pids.max
is 20 cpu.weight; is '20000 100000' cpu.max; is 0 cpuset.cpus; is 'default 4950' io.weight
[ "$(o exec b cat /proc/self/cgroup)" = 0::/ ] || fail "its cgroup is not its root"
o exec b sh -c 'echo x >/dev/null; ! busybox mknod /dev/disk b 254 0 2>/dev/null || ! cat /dev/disk 2>/dev/null' || fail devices
o pause b
[ "$(status)" = paused ] || fail "not paused"
o kill b KILL
for i in 1 2 3 4 5 6 7 8 9 10; do [ "$(status)" = stopped ] && break; sleep 0.2; done
[ "$(status)" = stopped ] || fail "a paused one does not end"
o delete b
o run -d -f sleep.json b </dev/null >/dev/null 2>&1
o exec -d b sh -c 'head -c 20000000 /dev/zero | busybox tail -c 20000000 | busybox sleep 50' </dev/null >/dev/null 2>&1
for i in 1 2 3 4 5 6 7 8 9 10; do [ "$(cat /sys/fs/cgroup/hospes-b/memory.current)" -gt 4000000 ] && break; sleep 0.2; done
echo '{"memory": {"limit": 1000000, "swap": 2000000, "checkBeforeUpdate": true}}' >less.json
! o update -r less.json b 2>less || fail "memory below what is in use"
grep -q 'memory.limit: .* in use' less || fail "$(cat less)"
o update --memory 32M --memory-swap 64M --pids-limit 10 --cpu-share 1024 b
is 33554432 memory.max; is 10 pids.max; is 39 cpu.weight
o events --stats b | grep -q '"limit":33554432' || fail stats
o kill --all b KILL
for i in 1 2 3 4 5 6 7 8 9 10; do [ "$(status)" = stopped ] && break; sleep 0.2; done
o delete b
[ -z "$(ls -d /sys/fs/cgroup/hospes* 2>/dev/null)" ] || fail "a cgroup is left"
echo "all of v2"
G
rc=0; out=$(timeout 150 "$hospes" exec -i "$machine" sh <"$work/inside.sh" 2>&1) || rc=$?
printf '%s\n' "$out"
[ $rc -eq 0 ] || fail "status $rc"
contains "all of v2"
