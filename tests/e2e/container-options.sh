#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# limit: 600
# Options of `hospes run` for containers: each does what it says, is kept for the next start, and is refused in one line
# where it cannot be meant.
. "$(dirname "$0")/lib.sh"
need_image
if [ "$(id -u)" -ne 0 ]; then
	echo "SKIP: needs root"
	exit 0
fi
tag=o$$
box() { "$hospes" run --net none --rm "$@"; }
# refused TEXT OPTION...: one line that has TEXT, status 125
refused() {
	local text=$1
	shift
	expect 125 box "$@" debian true
	[ "$(wc -l <<<"$out")" -eq 1 ] || fail "more than one line"
	contains "$text"
}

say "the command"
expect 0 box --entrypoint /bin/echo debian a b
[ "$out" = "a b" ] || fail "entrypoint: $out"
expect 0 box --entrypoint id debian
contains "uid=0"
printf '# a comment\n\nA=from file\nB=x=y\r\nHOSPES_TEST_OURS\nC=c\n' >"$work/env"
HOSPES_TEST_OURS=ours expect 0 box --env-file "$work/env" -e C=later -e A2=2 debian sh -c 'echo "$A|$B|$HOSPES_TEST_OURS|$C|$A2"; env | grep -c ^C='
[ "$out" = "from file|x=y|ours|later|2
1" ] || fail "environment"
refused "no name" --env-file <(echo =x)
refused "No such file" --env-file /no/such/file
expect 0 box -u www-data --group-add adm --group-add 4321 debian id
contains "4(adm)"
contains 4321
refused nogroup-here --group-add nogroup-here
expect 0 box --ulimit nofile=100:200 --ulimit core=0 debian sh -c 'ulimit -n; ulimit -Hn; ulimit -c'
[ "$out" = "100
200
0" ] || fail "ulimit"
refused "not a limit" --ulimit nofiles=1
refused "above the second" --ulimit nofile=3:2
expect 0 box --oom-score-adj 500 debian cat /proc/self/oom_score_adj
[ "$out" = 500 ] || fail "OOM score"
refused "OOM score" --oom-score-adj 2000

say "mounts and devices"
mkdir "$work/data"
echo host >"$work/data/file"
expect 0 box --tmpfs /scratch:size=1m --tmpfs /run debian sh -c 'df -k /scratch | tail -1; touch /run/x; grep -c " /scratch tmpfs" /proc/mounts; grep " /scratch " /proc/mounts'
contains 1024
contains noexec
expect 0 box --tmpfs /x:exec debian sh -c 'cp /bin/true /x/ && /x/true'
refused "not a place" --tmpfs nowhere
refused "nonsense" --tmpfs /x:nonsense=1
expect 0 box --mount type=bind,source="$work/data",target=/data,readonly --mount type=tmpfs,dst=/t,tmpfs-size=1m debian sh -c 'cat /data/file; touch /t/x; touch /data/x 2>&1 || echo ro'
contains host
contains ro
refused type= --mount source=/x,target=/y
refused target= --mount type=bind,source=/x
refused "no word" --mount type=bind,source=/x,target=/y,colour=red
expect 0 box --shm-size 1M debian sh -c 'df -k /dev/shm | tail -1'
contains 1024
expect 0 box --device /dev/loop-control debian sh -c 'stat -c %t:%T /dev/loop-control; cat /dev/loop-control 2>&1; :'
contains a:ed
[[ $out != *"Operation not permitted"* ]] || fail "the device is kept from it"
expect 0 box --device /dev/null:/dev/nothing:r debian sh -c 'cat /dev/nothing'
refused "no device" --device /etc/passwd
refused "No such file" --device /dev/nonesuch
refused "not a device" --device /dev/null:x:rwx

say "names and networks"
expect 0 box --add-host db:10.1.2.3 --add-host six:fe80::1 --dns 10.9.9.9 debian cat /etc/hosts /etc/resolv.conf
contains "10.1.2.3 db"
contains "fe80::1 six"
contains "nameserver 10.9.9.9"
refused "not a host" --add-host nonsense
refused "no address" --dns nonsense
expect 0 box --sysctl net.ipv4.ip_forward=1 debian cat /proc/sys/net/ipv4/ip_forward
[ "$out" = 1 ] || fail sysctl
refused kernel.panic --sysctl kernel.panic=1
expect 0 box --uts host debian hostname
[ "$out" = "$(hostname)" ] || fail "host name: $out"
refused "uts" --uts host --hostname box
expect 0 box --ipc host debian readlink /proc/self/ns/ipc
[ "$out" = "$(readlink /proc/self/ns/ipc)" ] || fail "ipc"
expect 0 box --pid host debian readlink /proc/self/ns/pid
[ "$out" = "$(readlink /proc/self/ns/pid)" ] || fail "pid"

say "limits"
limit() {
	local d
	for d in $(find /sys/fs/cgroup -maxdepth 3 -type d -name "hospes-*$1*"); do
		cat "$d/$2" "$d/$3" 2>/dev/null || :
	done
}
guests+=("$tag-limits")
expect 0 "$hospes" run --net none -d --name "$tag-limits" --cpuset-cpus 0 -m 64M --memory-swap 64M debian sleep 6321
expect 0 limit "$tag-limits" cpuset.cpus cpuset.cpus
contains 0
if [ -e /sys/fs/cgroup/memory/memory.memsw.limit_in_bytes ]; then
	expect 0 limit "$tag-limits" memory.memsw.limit_in_bytes none
	contains 67108864
fi
expect 0 "$hospes" rm -f "$tag-limits"
refused "list of processors" --cpuset-cpus 0-
refused "swap" --memory-swap 1M
refused "swap" -m 64M --memory-swap 32M

say "privileged"
expect 0 box --privileged debian sh -c 'grep CapEff /proc/self/status; grep Seccomp: /proc/self/status; ls /dev/loop-control; mount -t tmpfs x /mnt && echo mounted'
contains mounted
contains "Seccomp:	0"
contains loop-control
[ "$(sed -n 's/CapEff:\t//p' <<<"$out")" = "$(sed -n 's/CapBnd:\t//p' /proc/self/status)" ] || fail "capabilities"

say "init"
expect 3 box --init debian sh -c 'cat /proc/1/comm; exit 3'
contains init
expect 137 box --init debian sh -c 'kill -KILL $$'
expect 0 box --init debian sh -c '(sleep 0.2 & exec 1>&-) & sleep 0.5; ps -e -o stat= | grep -c Z || :'
[ "$out" = 0 ] || fail "an orphan was not reaped"
expect 125 box --init debian nonesuch
contains nonesuch
refused "no first one" --init --pid host
guests+=("$tag-init")
expect 0 "$hospes" run --net none -d --name "$tag-init" --init debian sleep 6322
expect 0 "$hospes" stop "$tag-init"
expect 143 "$hospes" wait "$tag-init"
rc=0; script -qec "$hospes run --net none --rm --init -it debian sh -c 'trap \"exit 9\" INT; kill -INT 0; sleep 1; exit 1'" /dev/null </dev/null || rc=$?
[ $rc -eq 9 ] || fail "terminal with init: status $rc"

say "Landlock"
echo '{"defaultAction": "SCMP_ACT_ALLOW"}' >"$work/all.json"
expect 1 box --security-opt seccomp="$work/all.json" debian unshare -Urm mount -t tmpfs x /mnt
expect 0 box --security-opt seccomp="$work/all.json" --security-opt landlock=off debian unshare -Urm mount -t tmpfs x /mnt
expect 0 box --cap-add SYS_ADMIN debian mount -t tmpfs x /mnt
expect 0 box -v "$work/data:/data" debian sh -c 'cat /data/file; touch /x; mkdir /d; mv /x /d/y; echo hi >/dev/stdout; cat /proc/self/mounts >/dev/null'

say "restart"
guests+=("$tag-again")
expect 0 "$hospes" run --net none -d --name "$tag-again" --restart on-failure:2 debian sh -c 'echo ran; exit 3'
expect 3 "$hospes" wait "$tag-again"
[ "$("$hospes" logs "$tag-again" | grep -c ran)" -eq 3 ] || fail "not run three times: $("$hospes" logs "$tag-again")"
expect 0 "$hospes" rm "$tag-again"
expect 0 "$hospes" run --net none -d --name "$tag-again" --restart always debian sh -c 'echo ran; read x </ready; exit 0'
for _ in $(seq 100); do [ "$("$hospes" logs "$tag-again" | grep -c ran)" -ge 3 ] && break; sleep 0.1; done
[ "$("$hospes" logs "$tag-again" | grep -c ran)" -ge 3 ] || fail "not run again"
expect 0 "$hospes" stop "$tag-again"
expect 0 "$hospes" ps -a
contains stopped
expect 0 "$hospes" rm "$tag-again"
expect 125 "$hospes" run --net none --restart always debian true
contains --detach
expect 125 "$hospes" run --net none -d --rm --restart always debian true
contains "removed at its end"
refused "not when" -d --restart sometimes

say "labels, files, stop"
guests+=("$tag-stop")
expect 0 "$hospes" run --net none -d --name "$tag-stop" -l app=web -l plain --annotation x.y=z --cidfile "$work/cid" --pidfile "$work/pid" \
	--stop-signal USR1 --stop-timeout 20 --init debian sh -c 'trap "echo usr1; exit 5" USR1; while :; do sleep 0.1; done'
[ "$(cat "$work/cid")" = "$tag-stop" ] || fail cidfile
grep -q trap "/proc/$(cat "$work/pid")/cmdline" || fail pidfile
expect 125 "$hospes" run --net none --rm --cidfile "$work/cid" debian true
contains "exists"
expect 0 "$hospes" inspect "$tag-stop"
for text in app=web plain x.y=z USR1 20000; do contains "$text"; done
sleep 0.3
expect 0 "$hospes" stop "$tag-stop"
expect 5 "$hospes" wait "$tag-stop"
refused "no signal" --stop-signal NONSENSE
rm "$work/cid"
expect 125 "$hospes" run --net none --rm --cidfile "$work/cid" debian nonesuch
[ ! -e "$work/cid" ] || fail "cidfile of a guest that is not there"

say "signals, restart, the end of the log"
guests+=("$tag-sig")
expect 0 "$hospes" run --net none -d --name "$tag-sig" debian sh -c 'trap "echo one" USR1; trap "exit 8" HUP; echo up; while :; do sleep 0.1; done'
for _ in $(seq 50); do "$hospes" logs "$tag-sig" | grep -q up && break; sleep 0.1; done
expect 0 "$hospes" kill -s USR1 "$tag-sig"
for _ in $(seq 50); do "$hospes" logs "$tag-sig" | grep -q one && break; sleep 0.1; done
expect 0 "$hospes" logs -n 1 "$tag-sig"
[ "$out" = one ] || fail "logs -n 1: $out"
expect 0 "$hospes" logs --tail 5 "$tag-sig"
[ "$out" = "up
one" ] || fail "logs --tail 5: $out"
expect 0 "$hospes" logs --tail 0 "$tag-sig"
[ -z "$out" ] || fail "logs --tail 0: $out"
expect 125 "$hospes" logs --tail x "$tag-sig"
expect 0 "$hospes" restart -t 1 "$tag-sig"
for _ in $(seq 50); do [ "$("$hospes" logs "$tag-sig" | grep -c up)" -ge 1 ] && break; sleep 0.1; done
sleep 0.3
expect 0 "$hospes" kill --signal HUP "$tag-sig"
expect 8 "$hospes" wait "$tag-sig"
expect 125 "$hospes" kill -s HUP "$tag-sig"
expect 125 "$hospes" kill -s NONSENSE "$tag-sig"
contains "no signal"
expect 0 "$hospes" restart "$tag-sig"
expect 0 "$hospes" kill "$tag-sig"
expect 125 "$hospes" restart nobody-here

say "start --attach"
guests+=("$tag-att")
expect 4 "$hospes" run --net none -i --name "$tag-att" debian sh -c 'read x; echo "got $x" >&2; exit 4' <<<one
contains "got one"
expect 4 "$hospes" start -a "$tag-att" <<<two
contains "got two"
expect 125 "$hospes" start -a "$tag-att" "$tag-att"
expect 4 "$hospes" wait "$tag-att"
expect 125 "$hospes" start -a nobody-here

say "a machine has none of it"
for o in --init --privileged "--tmpfs /x" "--ulimit core=0" "--restart always" "--pid host" "--shm-size 1M" "--label a" "--stop-timeout 1"; do
	# shellcheck disable=SC2086
	expect 125 "$hospes" run --vm $o --rm debian true
	contains "${o%% *} is for containers"
done
