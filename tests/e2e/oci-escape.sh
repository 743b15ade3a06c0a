#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# oci-escape.sh - ways out of a container that other runtimes once left open, each tried.
# limit: 200
. "$(dirname "$0")/oci/lib.sh"

all_caps="[c['process']['capabilities'].update({k: ['CAP_SYS_ADMIN', 'CAP_DAC_OVERRIDE', 'CAP_MKNOD', 'CAP_SYS_PTRACE', 'CAP_SYS_CHROOT']}) for k in ('bounding', 'effective', 'permitted')]; c['root']['readonly'] = False"

say "the runtime's executable cannot be written to from inside (CVE-2019-5736)"
before=$(sha256sum <"$oci")
yes create --config sleep.json made
p=$(pid_of made)
[ "$(stat -Lc %i "/proc/$p/exe")" = "$(stat -Lc %i "$oci")" ] || fail "not the file that is looked at here"
exec 9<"/proc/$p/exe" # as somebody inside would hold it until no runtime process runs any more
yes delete --force made
rc=0; python3 -c 'import errno, os
try: os.open("/proc/self/fd/9", os.O_WRONLY)
except OSError as e: raise SystemExit(e.errno != errno.EROFS)
raise SystemExit(2)' || rc=$?
[ $rc -eq 0 ] || fail "it could be opened for writing, or for another reason not"
exec 9<&-
# /proc/self/exe as the program, and as a script's interpreter: it runs, from the read-only copy.
inside "$all_caps" 'printf "#!/proc/self/exe\n" >/tmp/s; busybox chmod +x /tmp/s; ( exec -a hospes-oci /proc/self/exe --help ) >/dev/null; :'
configure self.json "$all_caps; c['process']['args'] = ['/proc/self/exe', '--version']"
yes run --config self.json self
contains hospes-oci
# Somebody inside who waits for runtime processes, and then writes to what they ran from.
cat >"$bundle/rootfs/bin/hunter" <<-'H'
	#!/bin/sh
	while :; do
		for e in /proc/[0-9]*/exe; do
			case $(readlink "$e" 2>/dev/null) in *hospes-oci*) exec 9<"$e" && echo caught >/tmp/caught && echo x >>/proc/self/fd/9 && echo written >/tmp/written ;; esac
		done 2>/dev/null
	done
H
chmod +x "$bundle/rootfs/bin/hunter"
configure hunter.json "$all_caps; c['process']['args'] = ['/bin/hunter']"
yes run --detach --config hunter.json hunter
for _ in $(seq 30); do o exec hunter /bin/true; done
yes delete --force hunter
[ "$(sha256sum <"$oci")" = "$before" ] || fail "the runtime was overwritten"
[ ! -e "$bundle/rootfs/tmp/written" ] || fail "the runtime was opened for writing"
rm -f "$bundle"/rootfs/tmp/*

say "no descriptor leaks in, and none leads out (CVE-2024-21626)"
configure fds.json "$(sh_args 'ls /proc/self/fd')"
out=$(o run --config fds.json fds 7</ 8<"$work")
[ "$out" = $'0\n1\n2\n3' ] || fail "descriptors inside: $out"
for fd in 3 4 5 6 7 8 9 10 11 12 15 20; do
	configure cwd.json "$(sh_args 'pwd; ls'); c['process']['cwd'] = '/proc/self/fd/$fd'"
	rc=0; out=$(o run --config cwd.json cwd 7</ 2>&1 </dev/null) || rc=$?
	[ $rc -ne 0 ] || fail "the working folder was descriptor $fd: $out"
done
configure cwd.json "$(sh_args 'pwd'); c['process']['cwd'] = '/proc/self/fd/3'"
rc=0; out=$(o run --preserve-fds 1 --config cwd.json cwd 3</ 2>&1 </dev/null) || rc=$?
[ $rc -ne 0 ] || fail "a passed folder of the host became the working folder"
yes run --detach --config sleep.json held
rc=0; out=$(o exec --cwd /proc/self/fd/7 held /bin/ls 2>&1 7</) || rc=$?
[ $rc -ne 0 ] || fail "exec went to a folder of the host: $out"
out=$(o exec held /bin/ls /proc/self/fd 7</)
[ "$out" = $'0\n1\n2\n3' ] || fail "descriptors of exec: $out"
yes delete --force held

say "links in the root lead nowhere but into the root"
outside=$work/outside
mkdir "$outside"
ln -s "$outside" "$bundle/rootfs/abs"
ln -s ../../../../../../../../../../..$outside "$bundle/rootfs/rel"
inside "c['mounts'] += [{'destination': '/abs/a', 'type': 'tmpfs', 'source': 't'}]; c['root']['readonly'] = False" 'grep -c /outside/a /proc/mounts'
configure link.json "c['process']['args'] = ['/bin/true']; c['mounts'] += [{'destination': '/rel/b', 'type': 'tmpfs', 'source': 't'}, {'destination': '/../../../x', 'type': 'tmpfs', 'source': 't'}]; c['linux']['devices'] = [{'path': '/rel/null', 'type': 'c', 'major': 1, 'minor': 3}]; c['linux']['maskedPaths'] = ['/rel', '/abs/../etc']; c['linux']['readonlyPaths'] = ['/rel']"
try run --config link.json link
[ -z "$(ls -A "$outside")" ] || fail "something was made outside of the root: $(ls -A "$outside")"
rm -rf "$bundle/rootfs/abs" "$bundle/rootfs/rel" "$bundle/rootfs$work" "$bundle/rootfs/x"
rmdir "$bundle/rootfs/dev"; ln -s "$outside" "$bundle/rootfs/dev"
configure dev.json "c['process']['args'] = ['/bin/true']; c['mounts'] = [m for m in c['mounts'] if not m['destination'].startswith('/dev')]; c['linux']['maskedPaths'] = []"
try run --config dev.json dev
[ -z "$(ls -A "$outside")" ] || fail "devices were made outside of the root"
rm "$bundle/rootfs/dev"; rm -rf "$bundle/rootfs$work"; mkdir "$bundle/rootfs/dev"

say "somebody who moves folders and links about meanwhile leads nothing out (CVE-2021-30465, CVE-2024-45310, CVE-2015-1335)"
mkdir -p "$bundle/rootfs/vol/d"
ln -s "$outside" "$bundle/rootfs/vol/l"
python3 - "$bundle/rootfs/vol" <<-'P' &
	import ctypes, os, sys
	os.chdir(sys.argv[1])
	while os.path.exists("d") or os.path.exists("l"):
	    ctypes.CDLL(None).renameat2(-100, b"d", -100, b"l", 2)  # they change places
P
swapper=$!
cat >"$work/look" <<-'H'
	#!/bin/sh
	cut -d' ' -f5 /proc/self/mountinfo >>"$1"
H
chmod +x "$work/look"
configure moving.json "c['process']['args'] = ['/bin/true']; c['root']['readonly'] = False
c['mounts'] += [{'destination': '/vol/d' + n, 'type': 'tmpfs', 'source': 't'} for n in ('', '/x', '/y/z')]
c['linux']['devices'] = [{'path': '/vol/d/null%d' % i, 'type': 'c', 'major': 1, 'minor': 3, 'fileMode': 0o666} for i in range(9)]
c['linux']['maskedPaths'] = ['/vol/d', '/vol/d/x']
c['hooks'] = {'createContainer': [{'path': '$work/look', 'args': ['look', '$work/seen'], 'env': ['PATH=/usr/bin:/bin']}]}"
for _ in $(seq 25); do try run --config moving.json moving; done
kill $swapper; wait $swapper 2>/dev/null || :
[ -s "$work/seen" ] || fail "no round came as far as its mounts: $out"
! grep "^$outside" "$work/seen" || fail "something was mounted outside of the root"
[ -z "$(ls -A "$outside")" ] || fail "something was made outside of the root: $(ls -A "$outside")"
rm -rf "$bundle/rootfs/vol" "$bundle/rootfs$work"

say "no capability is inherited that nobody asked for (CVE-2022-29162, CVE-2022-27650)"
yes run --detach --config sleep.json heir
out=$(o exec --cap CAP_NET_RAW heir /bin/grep -E 'CapInh|CapAmb' /proc/self/status)
[ "$out" = $'CapInh:\t0000000000000000\nCapAmb:\t0000000000000000' ] || fail "exec: $out"
yes delete --force heir
inside "" 'grep CapInh /proc/self/status'
contains 0000000000000000

say "whoever is inside cannot look into a process that enters (CVE-2016-9962, CVE-2016-8649)"
cat >"$bundle/rootfs/bin/peeker" <<-'H'
	#!/bin/sh
	while :; do
		for e in /proc/[0-9]*/exe; do
			case $(readlink "$e" 2>/dev/null) in *hospes-oci*) ls "${e%exe}fd" >/dev/null && echo "$e" >>/tmp/seen ;; esac
		done 2>/dev/null
	done
H
chmod +x "$bundle/rootfs/bin/peeker"
configure peeker.json "c['process']['args'] = ['/bin/peeker']; c['root']['readonly'] = False"
yes run --detach --config peeker.json peeker
# A long way to its program keeps each of them for some time where it could be looked into.
long=$(printf '/nosuch/%s:' $(seq 5000))
for _ in $(seq 15); do o exec --env "PATH=$long/bin" peeker true; done
yes delete --force peeker
[ ! -e "$bundle/rootfs/tmp/seen" ] || fail "the runtime's descriptors could be read: $(cat "$bundle/rootfs/tmp/seen")"
rm -f "$bundle"/rootfs/bin/peeker

say "procfs is procfs (CVE-2019-16884, CVE-2019-19921, CVE-2023-27561, CVE-2023-28642, CVE-2025-52881)"
rmdir "$bundle/rootfs/proc"; mkdir -p "$bundle/rootfs/fake"; ln -s fake "$bundle/rootfs/proc"
refuse "c['process']['args'] = ['/bin/true']" "/proc is no folder of the root itself"
refuse "c['process']['args'] = ['/bin/true']; [m.update(destination='//proc//') for m in c['mounts'] if m['type'] == 'proc']" "/proc is no folder of the root itself"
rm "$bundle/rootfs/proc"; rmdir "$bundle/rootfs/fake"; mkdir "$bundle/rootfs/proc"
# A root that brings a /dev/null of its own: what covers masked files is the host's all the same.
inside "c['mounts'] = [m for m in c['mounts'] if not m['destination'].startswith('/dev')]; c['root']['readonly'] = False; c['mounts'].append({'destination': '/dev', 'type': 'tmpfs', 'source': 't'})" 'stat -c "%t %T" /proc/keys; stat -c %F /proc/timer_list'
contains '1 3'
# A fake /proc/sys does not get what is meant for the kernel's.
inside "c['linux']['sysctl'] = {'net.ipv4.ip_forward': '1'}; c['mounts'].insert(1, {'destination': '/proc/sys', 'type': 'tmpfs', 'source': 't'}); c['mounts'].append({'destination': '/mnt/p', 'type': 'proc', 'source': 'p'})" 'ls /proc/sys; cat /mnt/p/sys/net/ipv4/ip_forward'
[ "$out" = 1 ] || fail "sysctl: $out"
rmdir "$bundle/rootfs/sys"; mkdir "$bundle/rootfs/fake"; ln -s fake "$bundle/rootfs/sys"
refuse "c['process']['args'] = ['/bin/true']" "/sys is no folder of the root itself"
rm "$bundle/rootfs/sys"; rmdir "$bundle/rootfs/fake"; mkdir "$bundle/rootfs/sys"

say "what masks files is never the root's own (CVE-2025-31133)"
ln -s /proc/sys/kernel/core_pattern "$bundle/rootfs/dev/null"
configure null.json "$(sh_args 'stat -c "%t %T" /proc/keys'); c['mounts'] = [m for m in c['mounts'] if not m['destination'].startswith('/dev')]"
try run --config null.json null
[ $rc -ne 0 ] || [ "$out" = '1 3' ] || fail "a mask made of the root's /dev/null: $out"
rm -rf "$bundle/rootfs/dev"; mkdir "$bundle/rootfs/dev"

say "a /sys that is shown again is as read-only below as at its top (CVE-2023-25809)"
inside "c['linux']['namespaces'] = [n for n in c['linux']['namespaces'] if n['type'] not in ('network', 'cgroup')] + [{'type': 'user'}]
c['linux']['uidMappings'] = c['linux']['gidMappings'] = [{'containerID': 0, 'hostID': 100000, 'size': 65536}]
c['mounts'] = [m for m in c['mounts'] if m['destination'] != '/sys/fs/cgroup']" 'grep -E "^[^ ]+ /sys" /proc/mounts | grep -v "^[^ ]* [^ ]* [^ ]* ro" || :; grep -c " /sys" /proc/mounts'
case $out in *rw,*) fail "writable below /sys: $out" ;; esac
[ "$out" -gt 1 ] || fail "nothing lies below /sys: $out"

say "a terminal is the container's own"
ln -s /nonexistent-target "$bundle/rootfs/console-link"
configure pts.json "$(sh_args 'ls -l /dev/console'); c['process']['terminal'] = True; c['mounts'] = [m for m in c['mounts'] if m['destination'] != '/dev/pts']"
rc=0; out=$(script -qec "$oci --root $states run --config pts.json t" /dev/null </dev/null) || rc=$?
[ $rc -ne 0 ] || fail "a terminal without devpts: $out"
contains "devpts"
rm "$bundle/rootfs/console-link"

say "a terminal is bound where nobody can lead it elsewhere (CVE-2025-52565)"
echo mine >"$work/mine"
ln -s "$work/mine" "$bundle/rootfs/dev/console"
configure console.json "$(sh_args 'ls -lL /dev/console'); c['process']['terminal'] = True; c['mounts'] = [m for m in c['mounts'] if m['destination'] not in ('/dev', '/dev/shm', '/dev/mqueue')]; c['root']['readonly'] = False"
mkdir "$bundle/rootfs/dev/pts"
rc=0; out=$(script -qec "$oci --root $states run --config console.json t" /dev/null </dev/null) || rc=$?
[ "$(cat "$work/mine")" = mine ] || fail "the terminal was written to a file of the host"
[ $rc -ne 0 ] || contains '136,'
rm -rf "$bundle/rootfs/dev" "$bundle/rootfs$work"; mkdir "$bundle/rootfs/dev"

say "states that others could have written are not believed"
yes run --detach --config sleep.json mine
chmod 777 "$states"
no state mine
contains "others may write to it"
chmod 700 "$states"
yes delete --force mine

say "a user namespace holds nothing of the host's"
map="[{'containerID': 0, 'hostID': 100000, 'size': 65536}]"
inside "$all_caps; c['linux']['namespaces'].append({'type': 'user'}); c['linux']['uidMappings'] = $map; c['linux']['gidMappings'] = $map" \
	'busybox mknod /dev/sda b 8 0 2>&1; ( echo 1 >/proc/sys/kernel/panic ) 2>&1; :'
contains 'mknod: /dev/sda: Operation not permitted'; contains 'panic: Read-only file system'
nothing_left
echo "no way out"
