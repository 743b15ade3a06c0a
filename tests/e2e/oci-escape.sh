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

say "procfs is procfs (CVE-2019-16884, CVE-2025-31133, CVE-2025-52881)"
rmdir "$bundle/rootfs/proc"; mkdir -p "$bundle/rootfs/fake"; ln -s fake "$bundle/rootfs/proc"
refuse "c['process']['args'] = ['/bin/true']" "/proc is no folder of the root itself"
refuse "c['process']['args'] = ['/bin/true']; [m.update(destination='//proc//') for m in c['mounts'] if m['type'] == 'proc']" "/proc is no folder of the root itself"
rm "$bundle/rootfs/proc"; rmdir "$bundle/rootfs/fake"; mkdir "$bundle/rootfs/proc"
# A root that brings a /dev/null of its own: what covers masked files is the host's all the same.
inside "c['mounts'] = [m for m in c['mounts'] if not m['destination'].startswith('/dev')]; c['root']['readonly'] = False; c['mounts'].append({'destination': '/dev', 'type': 'tmpfs', 'source': 't'})" 'stat -c "%t %T" /proc/keys; stat -c %F /proc/timer_list'
contains '1 3'
inside "c['linux']['sysctl'] = {'net.ipv4.ip_forward': '1'}; c['mounts'].insert(1, {'destination': '/proc/sys', 'type': 'tmpfs', 'source': 't'})" 'ls /proc/sys; busybox mount -t proc p /mnt 2>/dev/null; :'

say "a terminal is the container's own"
ln -s /nonexistent-target "$bundle/rootfs/console-link"
configure pts.json "$(sh_args 'ls -l /dev/console'); c['process']['terminal'] = True; c['mounts'] = [m for m in c['mounts'] if m['destination'] != '/dev/pts']"
rc=0; out=$(script -qec "$oci --root $states run --config pts.json t" /dev/null </dev/null) || rc=$?
[ $rc -ne 0 ] || fail "a terminal without devpts: $out"
contains "devpts"
rm "$bundle/rootfs/console-link"

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
