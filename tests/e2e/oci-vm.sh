#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# oci-vm.sh - containers with a machine around each: what a runtime does, done to machines.
# limit: 400
. "$(dirname "$0")/oci/lib.sh"

need_kernel
for a in uname stty kill pwd wc; do ln -sf busybox rootfs/bin/$a; done
machine="c['vm'] = {'kernel': {'path': '$kernel'}, 'hwConfig': {'memory': 256 << 20}}"
machined() { configure "$1" "$2; $machine"; } # FILE PYTHON
# soon COMMAND...: within ten seconds
soon() {
	for _ in $(seq 100); do "$@" >/dev/null 2>&1 && return 0; sleep 0.1; done
	fail "not within ten seconds: $*"
}
stopped() { [ "$(status_of "$1")" = stopped ]; }
try() { rc=0; timeout 60 "$rt" --root "$states" "$@" >"$work/out" 2>&1 </dev/null || rc=$?; out=$(cat "$work/out"); }

say "what cannot be is refused"
refuse "c['vm'] = {'kernel': {'path': 'vmlinuz'}}" 'vm.kernel.path: "vmlinuz" is not an absolute path'
refuse "c['vm'] = {'kernel': {'path': '/nowhere/vmlinuz'}}" '/nowhere/vmlinuz: No such file'
refuse "c['vm'] = {'kernel': {'path': '$kernel', 'parameters': ['a\"b']}}" 'vm.kernel.parameters[0]: holds a quote'
refuse "c['vm'] = {'hypervisor': {'path': '/usr/bin/qemu'}}" 'is not hospes'
refuse "c['vm'] = {'image': {'path': '/disk', 'format': 'floppy'}}" 'vm.image.format: "floppy" is not raw'
refuse "c['vm'] = {'image': {'path': '/disk', 'format': 'raw'}}" 'vm.image: is not supported'
refuse "c['vm'] = {'hwConfig': {'memory': 4096}}" 'vm.hwConfig.memory: 4096 bytes are less'
refuse "c['vm'] = {'hwConfig': {'vcpus': 1000}}" 'vm.hwConfig.vcpus: 1000 is not from 0 to 64'
refuse "c['vm'] = {'hwConfig': {'deviceTree': '/dt'}}" 'vm.hwConfig.deviceTree: is not supported'
refuse "c['annotations'] = {'io.hospes.isolation': 'cell'}" '"cell" is not machine or container'
refuse "$machine; c['hooks'] = {'createContainer': [{'path': '/bin/true'}]}" 'hooks.createContainer: cannot be run in a machine'
refuse "$machine; c['mounts'].append({'destination': '/null', 'source': '/dev/null', 'options': ['bind']})" 'folders and regular files only'
refuse "$machine; c['mounts'].append({'destination': '/x', 'source': '/nowhere', 'options': ['bind']})" 'source: /nowhere: No such file'
configure bad.json "c['vm'] = None; c['annotations'] = {'io.hospes.isolation': 'container'}; $(sh_args 'exit 5')"
try run --config bad.json plain
[ $rc -eq 5 ] || fail "a container: status $rc: $out"

say "the life of one"
mkdir "$work/volume" "$work/secret"
echo word >"$work/secret/key"; echo one-file >"$work/file"
machined life.json "$(sh_args 'trap "echo asked; exit 9" TERM; echo up; echo oops >&2; while :; do sleep 0.2; done')
c['process']['env'].append('WHERE=inside')
c['process']['user'] = {'uid': 0, 'gid': 0, 'additionalGids': [7]}
c['hostname'] = 'cell'
for k in ('bounding', 'effective', 'permitted'): c['process']['capabilities'][k].append('CAP_CHOWN')
c['root']['readonly'] = False
c['linux']['resources']['memory'] = {'limit': 100 << 20}
c['linux']['resources']['cpu'] = {'quota': 150000, 'period': 100000}
c['hooks'] = {k: [{'path': '/bin/sh', 'args': ['sh', '-c', 'cat >>$work/hooks; echo %s >>$work/hooks' % k]}] for k in ('createRuntime', 'poststart', 'poststop')}
c['hooks']['startContainer'] = [{'path': '/bin/touch', 'args': ['touch', '/tmp/hooked']}]
c['mounts'] += [{'destination': '/volume', 'source': '$work/volume', 'options': ['rbind', 'rw']},
	{'destination': '/secret', 'source': '$work/secret', 'options': ['bind', 'ro']},
	{'destination': '/etc/file', 'source': '$work/file', 'options': ['bind']},
	{'destination': '/host/sys', 'source': '/sys', 'options': ['rbind', 'ro']}]"
yes create --config life.json --pid-file "$work/pid" life
is created life
[ "$(cat "$work/pid")" = "$(pid_of life)" ] || fail "pid file"
grep -q createRuntime "$work/hooks" || fail "no hook of the runtime"
no create --config life.json life; contains 'exists already'
no exec life true; contains 'has to be started first'
yes start life
is running life
soon grep -q up "$work/out" || :
grep -q poststart "$work/hooks" || fail "no poststart hook"
[ -e rootfs/tmp/hooked ] || fail "no startContainer hook"
no start life; contains 'cannot be started'
no delete life; contains 'cannot be deleted'
yes exec life uname -r
[ "$out" != "$(uname -r)" ] || fail "it has the host's kernel"
yes exec life sh -c 'id; hostname; echo $WHERE; grep -c processor /proc/cpuinfo; cat /etc/file; ls /host/sys/kernel | grep -c mm; cat /sys/fs/cgroup/memory.max'
contains 'groups=7'; contains cell; contains inside; contains one-file; contains 104857600
yes ps life; contains "$(pid_of life)"
[ "$(readlink "/proc/$(pid_of life)/ns/pid")" != "$(readlink /proc/self/ns/pid)" ] || fail "its monitor sees the host's processes"

say "exec"
try exec life sh -c 'echo a; echo b >&2; exit 7'; [ $rc -eq 7 ] || fail "status $rc"
contains a; contains b
try exec life sh -c 'kill -9 $$'; [ $rc -eq 137 ] || fail "status $rc"
no exec life nosuch; contains 'not found'
no exec -d life nosuch; contains 'not found'
yes exec -u 5:6 --cwd /tmp -e A=b life sh -c 'id; pwd; echo $A'; contains uid=5; contains /tmp; contains b
head -c 20000000 /dev/urandom >"$work/data"
timeout 60 "$oci" --root "$states" exec life cat <"$work/data" | cmp - "$work/data" || fail "bytes were lost"
echo '{"args": ["/bin/sh", "-c", "echo from a file; id -u; exit 4"], "cwd": "/", "user": {"uid": 3, "gid": 3}}' >p.json
try exec --process p.json life; [ $rc -eq 4 ] || fail "status $rc: $out"
contains 'from a file'; contains 3
yes exec -d --pid-file "$work/pid2" life sh -c 'echo done >/volume/detached; sleep 1'
soon test -s "$work/volume/detached"
[ -e "/proc/$(cat "$work/pid2")" ] || fail "nothing stands for it"
out=$(timeout 60 script -qec "$oci --root $states exec -t life sh -c 'test -t 0 && echo terminal; stty size'" /dev/null <<<''); contains terminal
soon sh -c "! ls $states/life/out | grep exec"

say "volumes are seen by both sides, and read-only ones are"
yes exec life sh -c 'echo inside >/volume/a; mkdir /volume/d; ln -s a /volume/l; busybox chmod 640 /volume/a; busybox chown 12:34 /volume/a; cat /secret/key'
contains word
[ "$(cat "$work/volume/l")" = inside ] || fail "not seen outside"
[ "$(stat -c %u:%g:%a "$work/volume/a")" = 12:34:640 ] || fail "owner: $(stat -c %u:%g:%a "$work/volume/a")"
echo outside >"$work/volume/b"
yes exec life cat /volume/b; contains outside
try exec life sh -c 'echo x >/secret/key'; [ $rc -ne 0 ] || fail "written"
contains Read-only
yes exec life sh -c 'echo x >/tmp/x; cat /tmp/x; busybox rm /tmp/x; ! cat /tmp/x 2>/dev/null'
no exec life cat /volume/../../../../"$bundle"/config.json

say "pause, update, statistics"
yes pause life; is paused life
no exec life true; contains paused
yes resume life; is running life
yes exec life true
yes events --stats life; contains '"type":"stats"'
no update --memory 64M life; contains 'memory stays as it is'
yes update --cpu-share 512 life

say "its end"
yes kill life TERM
soon stopped life
no exec life true; contains stopped
no kill life TERM; contains 'not running'
yes delete life
grep -q poststop "$work/hooks" || fail "no poststop hook"
rm -f rootfs/tmp/hooked

say "streams and status of the first process"
machined run.json "$(sh_args 'cat; echo oops >&2; exit 3')"
rc=0; out=$(echo through | timeout 60 "$oci" --root "$states" run --config run.json run 2>"$work/err") || rc=$?
[ $rc -eq 3 ] || fail "status $rc: $(cat "$work/err")"
contains through
[ "$(cat "$work/err")" = oops ] || fail "errors: $(cat "$work/err")"

say "a program that cannot be started"
machined none.json "c['process']['args'] = ['/bin/nosuch']"
yes create --config none.json none
no start none; contains '/bin/nosuch'
soon stopped none
yes delete none
no run --config none.json none; contains '/bin/nosuch'

say "a terminal"
machined tty.json "$(sh_args 'test -t 0 && test -t 1 && echo tty; stty size; read line; echo got $line; exit 3'); c['process']['terminal'] = True; c['process']['consoleSize'] = {'height': 33, 'width': 99}"
no create --config tty.json t; contains '--console-socket'
python3 - "$oci" "$states" "$work/console" <<-'P' || fail "terminal by console socket"
	import array, os, select, socket, subprocess, sys
	oci, states, path = sys.argv[1:]
	s = socket.socket(socket.AF_UNIX); s.bind(path); s.listen()
	subprocess.run([oci, "--root", states, "create", "--config", "tty.json", "--console-socket", path, "t"], check=True, timeout=60)
	c, _ = s.accept()
	_, anc, _, _ = c.recvmsg(100, socket.CMSG_SPACE(4))
	master = array.array("i", anc[0][2])[0]
	subprocess.run([oci, "--root", states, "start", "t"], check=True, timeout=60)
	said = b""
	def until(text):
	    global said
	    while text not in said:
	        if not select.select([master], [], [], 30)[0]: sys.exit(f"no {text} in {said}")
	        said += os.read(master, 1000)
	until(b"tty"); until(b"33 99")
	os.write(master, b"hello\r")
	until(b"got hello")
P
soon stopped t
yes delete t

say "chosen by option or name; ended the hard way"
configure sleep.json "c['process']['args'] = ['/bin/sleep', '100']"
ln -s "$oci" "$work/hospes-oci-vm"
for by in "$oci --vm" "$work/hospes-oci-vm"; do
	rc=0; out=$(HOSPES_ROOT=$work/none timeout 60 $by --root "$states" run --config sleep.json hard 2>&1 </dev/null) || rc=$?
	[ $rc -eq 1 ] || fail "$by: status $rc"
	contains 'no image has a kernel'
done
machined hard.json "c['process']['args'] = ['/bin/sleep', '100']; c['root']['readonly'] = True"
yes run -d --config hard.json hard
try exec hard touch /x; [ $rc -ne 0 ] || fail "the root is writable"
yes kill hard KILL
is stopped hard
yes delete hard
yes run -d --config hard.json hard
yes delete --force hard
nothing_left

say "an ordinary user's"
nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups env -u XDG_RUNTIME_DIR)
if "${nobody[@]}" test -r "$kernel" -a -x "$hospes" 2>/dev/null; then
	there=$(mktemp -d /tmp/hospes-oci-vm.XXXXXX)
	at_end 'rm -rf "$there"'
	cp -a rootfs "$there/rootfs"
	chown -R 65534:65534 "$there"
	(cd "$there" && "${nobody[@]}" "$oci" spec --rootless && mv config.json "$there/default")
	python3 - "$there/default" "$there/config.json" "$(sh_args 'id; echo x >/tmp/mine; exit 6'); $machine" <<-'P'
		import json, sys
		c = json.load(open(sys.argv[1]))
		c["process"]["terminal"] = c["root"]["readonly"] = False
		exec(sys.argv[3])
		json.dump(c, open(sys.argv[2], "w"))
	P
	rc=0; out=$(cd "$there" && timeout -k 5 60 "${nobody[@]}" "$oci" --root "$there/states" run one 2>&1 </dev/null) || rc=$?
	[ $rc -eq 6 ] || fail "status $rc: $out"
	contains uid=0
	[ "$(stat -c %u "$there/rootfs/tmp/mine")" = 65534 ] || fail "not the user's file"
else
	echo "not tried: others cannot read this tree"
fi
