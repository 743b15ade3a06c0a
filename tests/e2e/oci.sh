#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# oci.sh - what a configuration says, seen from inside; and what is refused.
# limit: 300
. "$(dirname "$0")/oci/lib.sh"

# ---- what the configuration says, seen from inside ----

rt=$oci
say "process"
printf 'root:x:0:0::/home/of/root:/bin/sh\nbroken\nfive:x:5:6::/home/of/five:/bin/sh\n' >"$bundle/rootfs/etc/passwd"
inside "c['process']['user'] = {'uid': 5, 'gid': 6, 'additionalGids': [7, 8], 'umask': 63}; c['process']['cwd'] = '/tmp/new/dir'; c['process']['env'].append('A=b c'); c['root']['readonly'] = False" \
	'id; pwd; echo "$A"; umask; echo $HOME'
for t in /home/of/five 'uid=5' 'gid=6' 'groups=7,8' /tmp/new/dir 'b c' 0077; do contains "$t"; done
rmdir "$bundle/rootfs/tmp/new/dir" "$bundle/rootfs/tmp/new"
inside "c['process']['capabilities'] = {k: ['CAP_KILL', 'CAP_CHOWN'] for k in ('bounding', 'effective', 'permitted', 'inheritable', 'ambient')}" 'grep -E "Cap|NoNew" /proc/self/status'
for s in CapInh CapPrm CapEff CapBnd CapAmb; do contains "$s:	0000000000000021"; done
contains 'NoNewPrivs:	1'
inside "c['process']['rlimits'] = [{'type': 'RLIMIT_NOFILE', 'soft': 100, 'hard': 200}]" 'ulimit -n; ulimit -Hn'
[ "$out" = $'100\n200' ] || fail "limits: $out"
inside "c['process']['oomScoreAdj'] = 500; c['linux']['personality'] = {'domain': 'LINUX32'}; c['process']['scheduler'] = {'policy': 'SCHED_BATCH', 'nice': 5}" \
	'cat /proc/self/oom_score_adj; busybox uname -m; set -- $(cat /proc/self/stat); echo ${19}'
[ "$out" = $'500\ni686\n5' ] || fail "oom, personality, nice: $out"
inside "" 'ls /proc/self/fd; :'
[ "$out" = $'0\n1\n2\n3' ] || fail "open files: $out" # 3 is ls' own

inside "[c['process']['capabilities'][k].extend(['CAP_KILL', 'CAP_OF_ANOTHER_TIME']) for k in ('bounding', 'effective', 'permitted')]" 'grep CapEff /proc/self/status'
contains 'capability CAP_OF_ANOTHER_TIME is not known here'
inside "c['nosuch'] = {'a': 1}; c['process']['nosuch'] = c['linux']['nosuch'] = c['root']['nosuch'] = [1]; c['annotations'] = {'org.nosuch': ''}; c['process']['consoleSize'] = {'height': 1, 'width': 1}" 'echo ran'
[ "$out" = ran ] || fail "unknown properties: $out"
inside "c['process']['ioPriority'] = {'class': 'IOPRIO_CLASS_IDLE', 'priority': 3}; c['process']['env'] = ['A=b', 'HOME=/h', 'PATH=/bin']" 'busybox ionice -p 1 2>&1; env | grep -v _= | sort'
contains 'idle'; contains $'A=b\nHOME=/h\nPATH=/bin'

say "namespaces and names"
inside "c['hostname'] = 'box'; c['domainname'] = 'example'" 'hostname; cat /proc/sys/kernel/domainname; for n in pid net ipc uts mnt cgroup; do readlink /proc/self/ns/$n; done'
contains box; contains example
for n in pid net ipc uts mnt cgroup; do case $out in *"$(readlink /proc/self/ns/$n)"*) fail "the $n namespace is the host's" ;; esac; done
inside "c['linux']['namespaces'].append({'type': 'time'}); c['linux']['timeOffsets'] = {'boottime': {'secs': 1000000, 'nanosecs': 0}, 'monotonic': {'secs': 5, 'nanosecs': 0}}" 'cat /proc/uptime'
[ "${out%%.*}" -gt 1000000 ] || fail "time offset: $out"
inside "c['linux']['sysctl'] = {'net.ipv4.ip_forward': '1', 'kernel.msgmax': '1234'}" 'cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/msgmax; busybox ip addr show lo 2>/dev/null | grep -c UP || :'
contains $'1\n1234'
map="[{'containerID': 0, 'hostID': 100000, 'size': 65536}]"
inside "c['linux']['namespaces'].append({'type': 'user'}); c['linux']['uidMappings'] = $map; c['linux']['gidMappings'] = $map" 'cat /proc/self/uid_map; id -u; stat -c %u /dev/mqueue; echo x >/dev/null'
contains 100000; contains $'\n0\n0'
yes run --detach --config sleep.json other
p=$(pid_of other)
inside "[n.update(path='/proc/$p/ns/' + {'network': 'net', 'mount': 'mnt'}.get(n['type'], n['type'])) for n in c['linux']['namespaces'] if n['type'] != 'mount']; c.pop('hostname')" 'for n in net pid uts; do readlink /proc/self/ns/$n; done; ps'
for n in net pid uts; do contains "$(readlink "/proc/$p/ns/$n")"; done
contains "sleep 100"
yes delete --force other

say "mounts"
mkdir -p "$work/src/sub" && echo content >"$work/src/file" && chown 4:5 "$work/src/file"
mkdir -p "$bundle/rootfs/etc/app" && echo kept >"$bundle/rootfs/etc/app/conf"
add() { printf "c['mounts'].append({'destination': '%s', 'type': '%s', 'source': '%s', 'options': %s});" "$@"; }
inside "$(add /mnt/a bind "$work/src" "['rbind', 'ro', 'nosuid']")$(add /mnt/f bind "$work/src/file" "['bind']")$(add /etc/app tmpfs tmpfs "['tmpcopyup', 'size=1m']")" \
	'cat /mnt/a/file /mnt/f /etc/app/conf; touch /mnt/a/x 2>&1; touch /etc/app/y; grep " /mnt/a " /proc/mounts; grep " / " /proc/mounts; cat /proc/keys; ls /proc/acpi /sys/firmware; touch /x 2>&1; ( echo 1 >/proc/sys/vm/swappiness ) 2>&1; ls /sys/fs/cgroup'
contains $'content\ncontent\nkept'; contains 'touch: /mnt/a/x: Read-only'; contains 'ro,nosuid'; contains 'touch: /x: Read-only'; contains 'swappiness: Read-only'
case $out in *"No such file"*) fail "something is missing inside: $out" ;; esac
inside "c['mounts'].append({'destination': '/mnt/i', 'source': '$work/src', 'options': ['bind', 'idmap'], 'uidMappings': [{'containerID': 4, 'hostID': 1004, 'size': 1}], 'gidMappings': [{'containerID': 5, 'hostID': 1005, 'size': 1}]})" 'stat -c %u:%g /mnt/i/file'
contains 1004:1005
refuse "$(add /mnt/n bind "$work/missing" "['bind']")" "mounts[7]: mount /mnt/n: bind $work/missing: No such file"
refuse "$(add /mnt/n nofs nofs "[]")" "mounts[7]: mount /mnt/n: file system nofs"
refuse "$(add /mnt/n tmpfs tmpfs "['nonsense=1']")" "option nonsense=1"

mkdir -p "$bundle/rel" && echo relative >"$bundle/rel/file"
inside "$(add mnt/r bind rel "['bind']")" 'cat /mnt/r/file' # from the bundle, to below /
contains relative
inside "$(add /mnt/t tmpfs t "['size=1m']")$(add /mnt/t '' t "['remount', 'ro', 'noexec', 'size=2m']")$(add /mnt/r bind rel "['bind']")$(add /mnt/r '' '' "['remount', 'bind', 'ro']")" 'grep " /mnt/" /proc/mounts'
contains 'tmpfs ro,noexec'; contains 'size=2048k'; case $out in *"/mnt/r"*rw,*) fail "a bind mount was not mounted again: $out" ;; esac
refuse "$(add /mnt/t '' t "['remount', 'ro']")" "remount /mnt/t"
refuse "$(add /tmp/.. tmpfs t "[]")" "it is the root itself"
# Whatever the runtime says that it knows: each on a mount of its own.
inside "import subprocess, json
o = json.loads(subprocess.check_output(['$oci', 'features']))['mountOptions']
for i, n in enumerate(n for n in o if n not in ('bind', 'rbind', 'idmap', 'ridmap', 'remount')): c['mounts'].append({'destination': '/mnt/o%d' % i, 'type': 'tmpfs', 'source': n, 'options': [n]})" 'grep " /mnt/o" /proc/mounts'
for n in nosuid nodev noexec noatime nodiratime nosymfollow sync dirsync lazytime ro; do grep -q "^$n /mnt/o[0-9]* tmpfs.*[ ,]$n[ ,]" <<<"$out" || fail "option $n: $out"; done

say "an overlay of many layers"
layers=
for i in $(seq 20); do mkdir -p "$work/layer/$i" && echo "$i" >"$work/layer/$i/file$i" && layers=$layers${layers:+:}$work/layer/$i; done
inside "$(add /mnt/o overlay overlay "['lowerdir=$layers', 'nosuid']")" 'ls /mnt/o | grep -c file; grep " /mnt/o " /proc/mounts'
contains $'20\noverlay'; contains nosuid

say "propagation"
mkdir -p "$work/shared" && mount -t tmpfs shared "$work/shared" && mount --make-shared "$work/shared"
at_end 'umount -R "$work/shared" 2>/dev/null'
mkdir "$work/shared/in"
admin="[c['process']['capabilities'][k].append('CAP_SYS_ADMIN') for k in ('bounding', 'effective', 'permitted')];"
for p in rshared rslave rprivate; do
	inside "$admin $(add /mnt/s bind "$work/shared" "['rbind', '$p']") c['linux']['rootfsPropagation'] = '$p'" 'busybox mount -t tmpfs within /mnt/s/in; grep -c within /proc/mounts'
	[ "$out" = 1 ] || fail "$p: $out"
	seen=$(grep -c " $work/shared/in " /proc/self/mountinfo) || :
	[ "$seen" = "$([ $p = rshared ] && echo 1 || echo 0)" ] || fail "$p: seen outside: $seen"
	[ "$seen" = 0 ] || umount "$work/shared/in"
done
umount "$work/shared"
for p in shared slave private unbindable runbindable; do
	inside "c['linux']['rootfsPropagation'] = '$p'" "grep ' / / ' /proc/self/mountinfo || grep ' / ro' /proc/self/mountinfo | head -1"
	case $p in shared) contains shared: ;; *unbindable) contains unbindable ;; esac
done

say "devices"
inside "c['linux']['devices'] = [{'path': '/dev/tools/my', 'type': 'c', 'major': 1, 'minor': 3, 'fileMode': 432, 'uid': 3, 'gid': 4}, {'path': '/dev/pipe', 'type': 'p'}]" \
	'stat -c "%F %t %T %a %u %g" /dev/tools/my /dev/pipe; for d in null zero full random urandom tty; do stat -c %F /dev/$d; done; echo x >/dev/null; head -c 3 /dev/zero | busybox od -c; for l in fd stdin ptmx; do readlink /dev/$l; done'
contains 'character special file 1 3 660 3 4'; contains 'fifo 0 0 666 0 0'; contains '/proc/self/fd/0'
inside "c['linux']['devices'] = [{'path': '/dev/ptmx', 'type': 'c', 'major': 5, 'minor': 2}, {'path': '/dev/null', 'type': 'c', 'major': 1, 'minor': 3}]" \
	'readlink /dev/ptmx'
contains pts/ptmx

say "seccomp"
profile="{'defaultAction': 'SCMP_ACT_ALLOW', 'architectures': ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86'], 'syscalls': [{'names': ['sethostname', 'not_a_call'], 'action': 'SCMP_ACT_ERRNO', 'errnoRet': 95}]}"
caps="[c['process']['capabilities'][k].append('CAP_SYS_ADMIN') for k in ('bounding', 'effective', 'permitted')]"
for nnp in True False; do
	inside "c['process']['noNewPrivileges'] = $nnp; c['linux']['seccomp'] = $profile; $caps" 'grep Seccomp: /proc/self/status; hostname x 2>&1 || :'
	contains 'Seccomp:	2'; contains 'Operation not supported'
done
[ -n "$(ls "$states/.seccomp")" ] || fail "the filter was not kept"
refuse "c['linux']['seccomp'] = {'defaultAction': 'SCMP_ACT_ALLOW', 'syscalls': [{'names': ['kill'], 'action': 'NO'}]}" 'linux.seccomp: syscalls[0].action: "NO" is no seccomp action'

cat >"$work/supervise.py" <<-'P'
	# Takes the listener and answers one call: sethostname says 42 (as an error number).
	import array, fcntl, json, socket, struct, sys
	s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(); s.settimeout(15)
	c, _ = s.accept()
	data, anc, _, _ = c.recvmsg(65536, 100)
	fd = array.array("i", anc[0][2])[0]
	state = json.loads(data)
	assert state["fds"] == ["seccompFd"] and state["metadata"] == "meta" and state["state"]["id"] == "notified" and state["pid"] > 0, state
	request = bytearray(80)
	fcntl.ioctl(fd, 0xC0502100, request)
	fcntl.ioctl(fd, 0xC0182101, bytearray(struct.pack("=QqiI", struct.unpack_from("=Q", request)[0], 0, -95, 0)))
P
python3 "$work/supervise.py" "$work/listener" &
supervisor=$!
for _ in $(seq 100); do [ -S "$work/listener" ] && break; sleep 0.05; done
configure notified.json "$(sh_args 'hostname x'); c['linux']['seccomp'] = {'defaultAction': 'SCMP_ACT_ALLOW', 'listenerPath': '$work/listener', 'listenerMetadata': 'meta', 'syscalls': [{'names': ['sethostname'], 'action': 'SCMP_ACT_NOTIFY'}]}"
no run --config notified.json notified
contains 'Operation not supported'
wait "$supervisor" || fail "the supervisor of seccomp calls"
refuse "c['linux']['seccomp'] = {'defaultAction': 'SCMP_ACT_ALLOW', 'listenerPath': '$work/nobody', 'syscalls': [{'names': ['sethostname'], 'action': 'SCMP_ACT_NOTIFY'}]}" "linux.seccomp.listenerPath: connect to $work/nobody"

say "cgroups"
configure limited.json "c['process']['args'] = ['/bin/sleep', '100']; c['linux']['cgroupsPath'] = '/hospes-test-$$'; c['linux']['resources'].update({'memory': {'limit': 67108864}, 'pids': {'limit': 33}, 'cpu': {'shares': 512, 'quota': 20000, 'period': 100000}})"
yes run --detach --config limited.json lim
p=$(pid_of lim)
grep -q "hospes-test-$$" "/proc/$p/cgroup" || fail "not in its cgroup"
value() { cat /sys/fs/cgroup/{,*/}hospes-test-$$/"$1" 2>/dev/null || :; }
if [ -d "/sys/fs/cgroup/memory/hospes-test-$$" ]; then
	[ "$(value memory.limit_in_bytes) $(value pids.max) $(value cpu.shares) $(value cpu.cfs_quota_us)" = "67108864 33 512 20000" ] || fail "limits"
fi
yes update --memory 32m --pids-limit 44 lim
[ "$(value pids.max)" = 44 ] || fail "update"
echo '{"pids": {"limit": 55}}' | o update --resources - lim
[ "$(value pids.max)" = 55 ] || fail "update from a file"
o events --stats lim | python3 -c 'import json,sys; d=json.load(sys.stdin)["data"]; assert d["pids"]["limit"] == 55, d'
no update --memory nonsense lim
no create --config limited.json second
contains "somebody else's processes"
is running lim
yes delete --force lim
# Without a limit on processes there is no folder to count them, but they are counted.
configure free.json "c['process']['args'] = ['/bin/sh', '-c', 'sleep 100 & exec sleep 100']"
yes run --detach --config free.json free
[ ! -d /sys/fs/cgroup/pids/hospes-free ] || fail "a pids cgroup for nothing"
o events --stats free | python3 -c 'import json,sys; d=json.load(sys.stdin)["data"]; assert d["pids"]["current"] == 2, d'
yes update --pids-limit 9 free
o events --stats free | python3 -c 'import json,sys; d=json.load(sys.stdin)["data"]; assert d["pids"] == {"current": 2, "limit": 9}, d'
yes delete --force free
[ -z "$(find /sys/fs/cgroup -name "hospes-test-$$")" ] || fail "a cgroup is left"

frozen=/sys/fs/cgroup/freezer/hospes-test-$$
if [ -d /sys/fs/cgroup/freezer ]; then
	mkdir "$frozen" && echo FROZEN >"$frozen/freezer.state"
	at_end 'rmdir "$frozen" 2>/dev/null'
	no create --config limited.json second
	contains "is paused"
	[ ! -d "$frozen" ] || rmdir "$frozen"
fi

say "cgroups by systemd (which a script stands in for)"
cat >"$work/busctl" <<-'B'
	#!/bin/sh
	# makes the scope as systemd would: unit and slice, the process in it
	echo "$@" >"$(dirname "$0")/asked"
	[ -z "$REFUSE" ] || exit 1
	[ "$5" = StartTransientUnit ] || exit 0
	unit=$7
	while [ "$1" != PIDs ]; do shift; done
	pid=$4
	for top in /sys/fs/cgroup/systemd /sys/fs/cgroup/unified /sys/fs/cgroup; do
		[ -e "$top/cgroup.procs" ] || continue
		mkdir -p "$top/hospestest.slice/$unit" && echo "$pid" >"$top/hospestest.slice/$unit/cgroup.procs"
		break
	done
B
chmod +x "$work/busctl"
at_end 'find /sys/fs/cgroup -depth -path "*/hospestest.slice*" -type d -exec rmdir {} + 2>/dev/null'
configure scope.json "c['process']['args'] = ['/bin/sleep', '100']; c['linux']['cgroupsPath'] = 'hospestest.slice:box:$$'; c['linux']['resources']['pids'] = {'limit': 77}"
PATH=$work:$PATH yes --systemd-cgroup run --detach --config scope.json scope
grep -q "/hospestest.slice/box-$$.scope" "/proc/$(pid_of scope)/cgroup" || fail "not in its scope"
grep -q "StartTransientUnit ssa(sv)a(sa(sv)) box-$$.scope replace 5 PIDs au 1 [0-9]* Delegate b true DefaultDependencies b false Slice s hospestest.slice TasksMax t 77 0" "$work/asked" ||
	fail "asked: $(cat "$work/asked")"
yes pause scope
is paused scope
PATH=$work:$PATH yes delete --force scope
grep -q "StopUnit ss box-$$.scope replace" "$work/asked" || fail "asked: $(cat "$work/asked")"
[ -z "$(find /sys/fs/cgroup -name "box-$$.scope")" ] || fail "the scope is left"
export REFUSE=1
PATH=$work:$PATH no --systemd-cgroup run --config scope.json scope
unset REFUSE
contains "it does not make the scope"
no --systemd-cgroup run --config limited.json scope
contains "is not SLICE:PREFIX:NAME"

say "hooks"
cat >"$work/hook" <<-'H'
	#!/bin/sh
	printf '%s %s\n' "$1" "$(python3 -c 'import json,sys; s=json.load(sys.stdin); print(s["id"], s["status"], s["pid"] > 0)')" >>"$2"
H
chmod +x "$work/hook"
hook() { printf "'%s': [{'path': '$work/hook', 'args': ['hook', '%s', '$work/hooks'], 'env': ['PATH=/usr/bin:/bin'], 'timeout': 10}]," "$1" "$1"; }
configure hooks.json "c['hooks'] = {$(hook prestart)$(hook createRuntime)$(hook createContainer)$(hook poststart)$(hook poststop) 'startContainer': [{'path': '/bin/sh', 'args': ['sh', '-c', 'cat >/tmp/state']}]}; c['mounts'].append({'destination': '/tmp', 'type': 'tmpfs', 'source': 't'}); c['process']['args'] = ['/bin/sh', '-c', 'grep -c hk /tmp/state']"
[ "$(o run --config hooks.json hk)" = 1 ] || fail "the startContainer hook got no state"
[ "$(cut -d' ' -f1 "$work/hooks" | tr '\n' ' ')" = "prestart createRuntime createContainer poststart poststop " ] || fail "hooks: $(cat "$work/hooks")"
yes --log "$work/hook.log" run --config <(python3 -c "import json; c = json.load(open('config.json')); c['hooks'] = {p: [{'path': '/bin/false'}, {'path': '/bin/touch', 'args': ['touch', '$work/' + p]}] for p in ('poststart', 'poststop')}; print(json.dumps(c))") warned
[ -e "$work/poststart" ] && [ -e "$work/poststop" ] || fail "the hook behind a failing one was left out"
for p in poststart poststop; do grep -q "level=warning.*hooks.$p\[0\]: /bin/false: exit status 1" "$work/hook.log" || fail "no warning of $p: $(cat "$work/hook.log")"; done
refuse "c['hooks'] = {'createRuntime': [{'path': '/bin/false'}]}" "hooks.createRuntime[0]: /bin/false: exit status 1"
refuse "c['hooks'] = {'createContainer': [{'path': '/bin/sleep', 'args': ['sleep', '100'], 'timeout': 1}]}" "hooks.createContainer[0]: /bin/sleep: Connection timed out"

say "terminals"
configure tty.json "$(sh_args 'test -t 0 && test -t 1 && echo tty; ls -l /dev/console; exit 3'); c['process']['terminal'] = True; c['process']['consoleSize'] = {'height': 33, 'width': 77}"
rc=0; out=$(script -qec "$oci --root $states run --config tty.json t" /dev/null </dev/null) || rc=$?
[ $rc -eq 3 ] || fail "run on a terminal: $rc $out"
contains tty; contains '136,'
no create --config tty.json t
contains '--console-socket'
python3 - "$oci" "$states" "$work/console" <<-'P'
	import array, fcntl, os, socket, struct, subprocess, sys, termios
	oci, states, path = sys.argv[1:]
	s = socket.socket(socket.AF_UNIX); s.bind(path); s.listen()
	p = subprocess.Popen([oci, "--root", states, "create", "--config", "tty.json", "--console-socket", path, "t"])
	c, _ = s.accept()
	data, anc, _, _ = c.recvmsg(100, 100)
	fd = array.array("i", anc[0][2])[0]
	assert p.wait() == 0
	assert struct.unpack("4H", fcntl.ioctl(fd, termios.TIOCGWINSZ, bytes(8)))[:2] == (33, 77)
	subprocess.run([oci, "--root", states, "start", "t"], check=True)
	out = b""
	try:
	    while True:
	        piece = os.read(fd, 1000)
	        if not piece: break
	        out += piece
	except OSError: pass
	assert b"tty" in out, out
	subprocess.run([oci, "--root", states, "delete", "--force", "t"], check=True)
P

say "start tells why the program does not run"
printf '\177ELF nonsense' >"$bundle/rootfs/bin/broken"; chmod +x "$bundle/rootfs/bin/broken"
configure broken.json "c['process']['args'] = ['/bin/broken']"
yes create --config broken.json broken
no start broken
contains 'exec /bin/broken: '
is stopped broken
yes delete broken

say "preserved descriptors"
echo passed >"$work/passed"
configure fds.json "$(sh_args 'cat <&3; echo $LISTEN_FDS $LISTEN_PID; ls /proc/self/fd')"
out=$(o run --preserve-fds 1 --config fds.json fds 3<"$work/passed")
contains passed; contains '1 1'

say "CPUs of exec"
configure cpus.json "c['process']['args'] = ['/bin/sleep', '100']; c['process']['execCPUAffinity'] = {'initial': '0', 'final': '0-0'}"
yes run --detach --config cpus.json cpus
[ "$(o exec cpus /bin/grep Cpus_allowed_list /proc/self/status)" = 'Cpus_allowed_list:	0' ] || fail "the CPUs of exec"
yes delete --force cpus

say "features"
o features | python3 -c '
import json, sys
f = json.load(sys.stdin)
assert set(f) <= {"ociVersionMin", "ociVersionMax", "hooks", "mountOptions", "linux", "annotations", "potentiallyUnsafeConfigAnnotations"}, f
assert f["ociVersionMin"] <= f["ociVersionMax"] and len(f["hooks"]) == 6 and "time" in f["linux"]["namespaces"]
print(f["ociVersionMin"], f["ociVersionMax"])' >"$work/versions"
for v in $(cat "$work/versions"); do inside "c['ociVersion'] = '$v'" 'echo ran'; [ "$out" = ran ] || fail "ociVersion $v"; done

say "bad input"
no create
no nosuchcommand
no --log-format xml list
no create --config nosuch.json f
refuse "del c['process']['cwd']" "config.json: process.cwd: is missing"
refuse "c['root']['path'] = 'nosuch'" "root.path"
refuse "c['linux']['namespaces'][0]['path'] = '$work/missing'" "linux.namespaces: pid namespace $work/missing: No such file"
refuse "c['linux']['namespaces'][0]['path'] = '/proc/self/ns/net'" "is no pid namespace"
refuse "[n.update(path='/proc/self/ns/net') for n in c['linux']['namespaces'] if n['type'] == 'network']; c['linux']['sysctl'] = {'net.ipv4.ip_forward': '0'}" "is the host's own network namespace"
refuse "[n.update(path='/proc/self/ns/uts') for n in c['linux']['namespaces'] if n['type'] == 'uts']" "is the host's own uts namespace"
refuse "c['process']['args'] = ['nosuch']" "executable file not found in \$PATH"
refuse "c['process']['args'] = ['/etc']" "is a directory: permission denied"
refuse "c['process']['apparmorProfile'] = 'p'" "AppArmor"
refuse "c['linux']['cgroupsPath'] = '/a/../b'" "linux.cgroupsPath"
[ -d /sys/fs/cgroup/rdma ] || refuse "c['linux']['resources']['rdma'] = {'mlx5_1': {'hcaHandles': 3}}" "there is no controller rdma here"
refuse "c['linux']['seccomp'] = {'defaultAction': 'SCMP_ACT_ALLOW', 'listenerMetadata': 'x'}" "linux.seccomp: listenerPath: is missing beside listenerMetadata"
refuse "c['linux']['seccomp'] = {'defaultAction': 'SCMP_ACT_ALLOW', 'defaultErrnoRet': 5}" "defaultErrnoRet: does not go with SCMP_ACT_ALLOW"
refuse "c['linux']['seccomp'] = {'defaultAction': 'SCMP_ACT_ALLOW', 'syscalls': [{'names': [], 'action': 'SCMP_ACT_ERRNO'}]}" "names: is missing or empty"
refuse "c['process']['rlimits'] = [{'type': 'RLIMIT_CORE', 'soft': 0, 'hard': 0}] * 2" "is there twice"
refuse "c['linux']['devices'] = [{'path': '/bin/busybox', 'type': 'c', 'major': 1, 'minor': 3}]" "device /bin/busybox: File exists"
configure lacking.json "c['process']['args'] = ['/bin/true']; c['process']['oomScoreAdj'] = -1000"
rm -f "$work/log"; yes --log "$work/log" --log-format json run --config lacking.json lacking
[ -z "$out" ] || fail "a warning among the output: $out"
[ ! -e "$work/log" ] || python3 -c 'import json,sys; [json.loads(l) for l in open(sys.argv[1])]' "$work/log"
rm -f "$work/log"; no --log "$work/log" --log-format json state nobody
python3 -c 'import json,sys; l=json.loads(open(sys.argv[1]).readline()); assert l["level"] == "error" and "nobody" in l["msg"], l' "$work/log"

nothing_left
echo "containers are as their configurations say"
