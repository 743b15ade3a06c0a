#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# oci-trouble.sh - the runtime ended at any point, several at the same name, no room, nothing to write to.
# limit: 400
#
#   ROUNDS=400 SEED=7 tests/e2e/oci-trouble.sh      (default: 60 and 1)
. "$(dirname "$0")/oci/lib.sh"

# Others may run containers at the same time: names and the program tell ours apart.
me=$$
number=$((1000000 + me))
program="sleep $number"
configure sleep.json "c['process']['args'] = ['/bin/sleep', '$number']"
configure path.json "c['process']['args'] = ['/bin/sleep', '$number']; c['linux']['cgroupsPath'] = '/hospes-path-$me'; c['linux']['resources']['pids'] = {'limit': 50}"
configure hooked.json "c['process']['args'] = ['/bin/sleep', '$number']
c['hooks'] = {p: [{'path': '/bin/true'}] for p in ('createRuntime', 'createContainer', 'startContainer', 'poststart', 'poststop')}"
ln -s busybox "$bundle/rootfs/bin/false"

nothing_of_ours() {
	! pgrep -f "^/bin/$program" || fail "$1: processes are left"
	[ -z "$(find /sys/fs/cgroup -name "hospes-*$me*")" ] || fail "$1: cgroups are left: $(find /sys/fs/cgroup -name "hospes-*$me*")"
	[ -z "$(ls "$states" 2>/dev/null)" ] || fail "$1: states are left: $(ls "$states")"
	! grep -F "$work/bundle" /proc/self/mountinfo || fail "$1: mounts are left"
}

say "${ROUNDS:=60} times ended with SIGKILL at any point, seed ${SEED:=1}"
python3 - "$oci" "$states" "$me" "$ROUNDS" "$SEED" <<-'P'
	import random, subprocess, sys, time
	oci, states, me, rounds, seed = sys.argv[1:]
	rng = random.Random(int(seed))
	def run(*args, kill_after=None):
	    p = subprocess.Popen([oci, "--root", states, *args], stdin=subprocess.DEVNULL,
	                         stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
	    if kill_after is not None:
	        time.sleep(kill_after)
	        p.kill()
	    # of the error a container may hold the other end: it is read only once that is gone
	    p.wait()
	    return p
	def must(*args):
	    p = run(*args)
	    if p.returncode:
	        sys.exit("FAILED: %s: %s" % (args, p.stderr.read()))
	for i in range(int(rounds)):
	    name = "t%s-%d" % (me, i)
	    config = rng.choice(["sleep.json", "path.json", "hooked.json"])
	    what = rng.choice(["create", "run", "start", "exec", "delete", "delete"])
	    if what in ("create", "run"):
	        run(what, "--config", config, name, kill_after=rng.uniform(0, 0.012))
	    else:
	        must("create", "--config", config, name)
	        if what == "exec" or rng.random() < 0.5:
	            must("start", name)
	        args = {"start": ["start", name], "exec": ["exec", name, "/bin/sleep", "1"],
	                "delete": ["delete", "--force", name]}[what]
	        run(*args, kill_after=rng.uniform(0, 0.006))
	    must("delete", "--force", name)
P
# what ended with its runtime needs a moment
for _ in $(seq 50); do pgrep -f "^/bin/$program" >/dev/null || break; sleep 0.1; done
nothing_of_ours "killed"

say "several make and delete containers of one name"
worker() {
	local n
	for n in $(seq 12); do
		"$oci" --root "$states" create --config sleep.json "same$me" </dev/null >/dev/null 2>&1 || :
		"$oci" --root "$states" start "same$me" >/dev/null 2>&1 || :
		"$oci" --root "$states" delete --force "same$me" >>"$work/deleted" 2>&1 || echo "status $?" >>"$work/deleted"
	done
}
for w in 1 2 3 4; do worker & done
wait
[ ! -s "$work/deleted" ] || fail "delete --force: $(sort -u "$work/deleted" | head -3)"
"$oci" --root "$states" delete --force "same$me"
nothing_of_ours "one name"

say "no room for the state"
mkdir "$work/full"
mount -t tmpfs -o size=16k,mode=700 full "$work/full"
at_end 'umount "$work/full" 2>/dev/null'
head -c 100000 /dev/zero >"$work/full/filler" 2>/dev/null || :
rc=0; timeout 20 "$oci" --root "$work/full" create --config sleep.json "full$me" >"$work/out" 2>&1 </dev/null || rc=$?
out=$(cat "$work/out")
[ $rc -eq 1 ] || fail "create without room: $rc $out"
contains "No space left"
[ "$(grep -c . "$work/out")" = 1 ] || fail "more than a line: $out"
[ "$(ls "$work/full")" = filler ] || fail "left without room: $(ls "$work/full")"
nothing_of_ours "full"

say "a folder of states that is read-only"
mount -o remount,ro "$work/full"
rc=0; timeout 20 "$oci" --root "$work/full" create --config sleep.json "ro$me" >"$work/out" 2>&1 </dev/null || rc=$?
out=$(cat "$work/out")
[ $rc -eq 1 ] || fail "create read-only: $rc $out"
contains "Read-only file system"
umount "$work/full"
rc=0; timeout 20 "$oci" --root /proc/nosuch/folder create --config sleep.json "ro$me" >"$work/out" 2>&1 </dev/null || rc=$?
[ $rc -eq 1 ] && [ "$(grep -c . "$work/out")" = 1 ] || fail "no folder of states: $rc $(cat "$work/out")"
nothing_of_ours "read-only"

say "configurations that were damaged"
python3 - "$bundle/default.json" "$oci" "$states" "$me" "${ROUNDS}" "${SEED}" <<-'P'
	import copy, json, random, subprocess, sys
	default, oci, states, me, rounds, seed = sys.argv[1:]
	rng = random.Random(int(seed))
	base = json.load(open(default))
	base["process"]["args"] = ["/bin/true"]
	base["linux"].update(sysctl={"net.ipv4.ip_forward": "1"}, devices=[{"path": "/dev/x", "type": "c", "major": 1, "minor": 3}],
	                     seccomp={"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["kexec_load"], "action": "SCMP_ACT_ERRNO"}]},
	                     cgroupsPath="/hospes-damaged-" + me)
	odd = [None, True, -1, 0, 2**31, 2**53, 1.5, 1e300, "", "/", "..", "a/../../b", "x" * 5000, "\n\x1b[2J", "\u202e", [], {}, [[]],
	       {"a": 1}, ["x"] * 3000]
	def leaves(v, path=()):
	    items = v.items() if isinstance(v, dict) else enumerate(v) if isinstance(v, list) else ()
	    for k, x in items:
	        yield path + (k,)
	        yield from leaves(x, path + (k,))
	for i in range(int(rounds)):
	    c = copy.deepcopy(base)
	    for _ in range(rng.randint(1, 2)):
	        path = rng.choice(list(leaves(c)))
	        if path == ("root", "path"): continue  # it may well name another folder of the host
	        at = c
	        for k in path[:-1]: at = at[k]
	        if rng.random() < 0.2: del at[path[-1]]
	        else: at[path[-1]] = rng.choice(odd)
	    json.dump(c, open("damaged.json", "w"))
	    p = subprocess.run([oci, "--root", states, "run", "--config", "damaged.json", "d%s-%d" % (me, i)], timeout=20,
	                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
	    lines = p.stderr.split(b"\n")
	    bad = [l for l in lines if l and not l.startswith((b"hospes-oci: ", b"hospes: warning: "))]
	    if p.returncode not in (0, 1) or bad or any(ch < 32 for l in lines for ch in l) or (p.returncode == 1 and len(lines) < 2):
	        sys.exit("FAILED: status %d, %r, %s" % (p.returncode, p.stderr[:500], json.dumps(c)[:3000]))
P
nothing_of_ours "damaged"
echo "no trouble leaves anything behind"
