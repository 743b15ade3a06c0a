#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# oci-commands.sh - what the commands besides the life cycle say and change, beside runc where it is there.
# limit: 200
. "$(dirname "$0")/oci/lib.sh"

limits="c['linux']['resources'].update({'memory': {'limit': 67108864}, 'pids': {'limit': 33}, 'cpu': {'shares': 512, 'quota': 20000, 'period': 100000}})"
mkdir -p one
configure one/config.json "c['process']['args'] = ['/bin/sleep', '100']; c['root']['path'] = '$bundle/rootfs'; c['linux']['cgroupsPath'] = '/hospes-$$'; $limits"

say "events have the fields of runc's"
cat >"$work/fields.py" <<-'P'
	# What each JSON holds: paths of objects, arrays and values, with kinds; what is zero or empty may be left out.
	import json, sys
	def fields(o, at=""):
	    if isinstance(o, dict): return {at}.union(*(fields(v, at + "." + k) for k, v in o.items()))
	    if isinstance(o, list): return {at + "[]"}.union(*(fields(v, at + "[]") for v in o[:1]))
	    return {at + ":" + type(o).__name__}
	a, b = (fields(json.load(open(f))) for f in sys.argv[1:])
	missing = sorted(f for f in a - b if ".raw." not in f)
	assert not missing, missing
P
if command -v runc >/dev/null; then
	rt=$(command -v runc)
	yes run --detach --bundle one two
	o events --stats two >"$work/runc.json"
	yes delete --force two
	rt=$oci
fi
yes run --detach --bundle one one
o events --stats one >"$work/ours.json"
[ ! -s "$work/runc.json" ] || python3 "$work/fields.py" "$work/runc.json" "$work/ours.json"
python3 - "$work/ours.json" <<-'P'
	import json, sys
	e = json.load(open(sys.argv[1])); d = e["data"]
	assert e["type"] == "stats" and e["id"] == "one", e
	assert d["pids"] == {"current": 1, "limit": 33} and d["memory"]["usage"]["limit"] == 67108864, d
	assert d["cpuset"]["cpus"][0] == 0 and d["hugetlb"] is not None and d["cpu"]["usage"]["total"] > 0, d
P

say "the out-of-memory killer is told, at once and once"
configure oom.json "$(sh_args 'read go </tmp/go; busybox dd if=/dev/zero of=/dev/null bs=200M count=1; exec sleep 100'); c['root']['readonly'] = False; c['linux']['resources'].update({'memory': {'limit': 33554432, 'swap': 33554432}})"
mkfifo "$bundle/rootfs/tmp/go"
yes run --detach --config oom.json oom
o events --interval 1000s oom >"$work/oom.json" &
teller=$!
for _ in $(seq 200); do ls -l "/proc/$teller/fd" 2>/dev/null | grep -q eventfd && break; sleep 0.05; done
echo go >"$bundle/rootfs/tmp/go"
for _ in $(seq 200); do [ -s "$work/oom.json" ] && break; sleep 0.05; done
yes delete --force oom
wait "$teller" || fail "events did not end with the container"
[ "$(cat "$work/oom.json")" = '{"type":"oom","id":"oom"}' ] || fail "events said: $(cat "$work/oom.json")"

say "ps"
p=$(pid_of one)
[ "$(o ps --format json one)" = "[$p]" ] || fail "ps as JSON: $(o ps --format json one)"
o ps one | grep -q "$p .*sleep 100" || fail "ps: $(o ps one)"
[ "$(o ps one -o pid,comm | tail -1 | tr -s ' ')" = " $p sleep" ] || [ "$(o ps one -o pid,comm | tail -1 | tr -s ' ')" = "$p sleep" ] || fail "ps -o: $(o ps one -o pid,comm)"
no ps one -o comm; contains 'no column PID'

say "list"
[ "$(o list -q)" = one ] || fail "list -q: $(o list -q)"
o list | grep -q "^one  *$p  *running .* root$" || fail "list: $(o list)"
o list --format json | python3 -c "
import json, sys
[c] = json.load(sys.stdin)
assert sorted(c) == ['bundle', 'created', 'id', 'ociVersion', 'owner', 'pid', 'rootfs', 'status'], c
assert c['owner'] == 'root' and c['pid'] == $p, c"

say "several by an expression"
yes run --detach --config sleep.json web-1
yes run --detach --config sleep.json web-2
yes kill --regex '^web-[0-9]$' KILL
is stopped web-1; is stopped web-2; is running one
yes delete --regex '^web-'
[ "$(o list -q)" = one ] || fail "left: $(o list -q)"
no delete --regex '('; contains 'regex'
yes delete --regex none

say "update"
value() { cat /sys/fs/cgroup/{,*/}hospes-$$/"$1" 2>/dev/null || :; }
yes update --cpu-share 256 --cpu-quota 30000 --cpu-period 50000 --pids-limit 44 --memory 64M --cpuset-cpus 0 one
if [ -d /sys/fs/cgroup/memory/hospes-$$ ]; then
	[ "$(value cpu.shares) $(value cpu.cfs_quota_us) $(value cpu.cfs_period_us) $(value pids.max) $(value cpuset.cpus)" = "256 30000 50000 44 0" ] || fail "limits: $(value cpu.shares) $(value cpu.cfs_quota_us)"
else
	[ "$(value cpu.max) $(value pids.max) $(value cpuset.cpus)" = "30000 50000 44 0" ] || fail "limits: $(value cpu.max)"
fi
echo '{"pids": {"limit": 22}}' | o update --resources - one
[ "$(value pids.max)" = 22 ] || fail "resources from the standard input: $(value pids.max)"
no update --memory nonsense one
no update --l3-cache-schema L3:0=f one; contains 'no class of service'

say "exec in a cgroup below"
for freezer in /sys/fs/cgroup/freezer/hospes-$$ /sys/fs/cgroup/hospes-$$; do [ ! -d $freezer ] || break; done
mkdir "$freezer/below"
o exec --cgroup below one cat /proc/self/cgroup | grep -q '/below$' || fail "not in it"
no exec --cgroup nosuch one true; contains 'nosuch: No such file'
no exec --cgroup nosuch:below one true; contains 'no such controller'
no exec --cgroup ../x one true
rmdir "$freezer/below"

say "classes of service"
if ! grep -q ' - resctrl ' /proc/self/mountinfo; then refuse "c['linux']['intelRdt'] = {'closID': 'gold'}" 'linux.intelRdt: no resctrl file system is mounted here'; fi

say "spec and features"
(cd "$work" && "$oci" spec --file other.json && [ -s other.json ]) || fail "spec --file"
"$oci" features | python3 -c "
import json, sys
f = json.load(sys.stdin); l = f['linux']
assert f['ociVersionMin'] == '1.0.0' and f['ociVersionMax'] >= '1.2', f
assert {'prestart', 'createRuntime', 'createContainer', 'startContainer', 'poststart', 'poststop'} == set(f['hooks'])
assert {'rbind', 'ro', 'rro', 'idmap', 'tmpcopyup', 'rslave', 'unbindable'} <= set(f['mountOptions']), f['mountOptions']
assert {'user', 'pid', 'mount', 'network', 'uts', 'ipc', 'cgroup', 'time'} == set(l['namespaces'])
assert l['cgroup'] == {'v1': True, 'v2': True, 'systemd': True, 'systemdUser': True, 'rdma': True}
assert l['seccomp']['enabled'] and 'SCMP_ARCH_X86_64' in l['seccomp']['archs'] and len(l['seccomp']['actions']) == 9
assert l['mountExtensions']['idmap']['enabled'] and 'CAP_CHECKPOINT_RESTORE' in l['capabilities']
assert f['annotations']['org.opencontainers.runc.checkpoint.enabled'] == 'true'"

say "checkpoint, where Podman looks whether there is one"
"$oci" checkpoint --help >/dev/null || fail "checkpoint --help"
no restore --lsm-mount-context; contains 'flag needs an argument'
if ! timeout 60 criu check >/dev/null 2>&1; then no checkpoint --image-path "$work/image" one; is running one; fi

yes delete --force one
[ -z "$(ls "$states")" ] || fail "states are left: $(ls "$states")"
[ -z "$(find /sys/fs/cgroup -name "hospes-$$")" ] || fail "cgroups are left"
