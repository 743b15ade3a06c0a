#!/bin/bash
# criu.sh - inside the machine of oci-criu.sh, or anywhere else where criu works: OCI=PROGRAM criu.sh [BUNDLE]
# shellcheck shell=bash
set -euo pipefail
b=${1:-/b}
oci=${OCI:-/b/hospes-oci}
work=$(mktemp -d)
cd "$work"
o() { timeout -k 5 60 "$oci" --root "$work/states" "$@"; }
fail() { echo "FAILED: $*"; tail -n 5 "$work"/*/*.log 2>/dev/null; exit 1; }
finish() {
	for c in $(o list -q); do o delete -f "$c"; done
	ip netns del hospes-criu 2>/dev/null || :
	rm -rf "$work"
}
trap finish EXIT
status() { o state "$1" 2>/dev/null | sed -n 's/.*"status": "\(.*\)".*/\1/p'; }
is() { [ "$(status "$2")" = "$1" ] || fail "$2 is $(status "$2"), not $1"; }
# A container that counts, with the changes that the script SED makes to its configuration.
configure() { # NAME SED
	mkdir -p "$1"
	(cd "$1" && rm -f config.json && o spec)
	sed -i "s/\"terminal\": true/\"terminal\": false/; s#\"rootfs\"#\"$b/rootfs\"#; $2" "$1/config.json"
}
script='i=0; while :; do i=$((i+1)); echo $i >/dev/shm/n; sleep 0.1; done'
counts="s|\"sh\"|\"sh\", \"-c\", \"$script\"|"
up() { o run -d --bundle "$1" "$1" </dev/null >/dev/null 2>&1 || fail "run $1"; }
again() { o restore -d --bundle "$1" --image-path "$1/image" "$1" </dev/null >"$work/said" 2>&1 || fail "restore $1: $(cat "$work/said")"; }
away() { local c=$1; shift; o checkpoint --image-path "$c/image" "$@" "$c" >"$work/said" 2>&1 || fail "checkpoint $c: $(cat "$work/said")"; }
n() { o exec "$1" cat /dev/shm/n; }
# until N NAME: it has counted beyond N
until_n() { for _ in $(seq 200); do [ "$(n "$2")" -gt "$1" ] 2>/dev/null && return 0; sleep 0.1; done; fail "$2 does not count on: $(n "$2")"; }
round() { # NAME: out and in again, and it goes on where it was
	up "$1"
	until_n 3 "$1"
	away "$1"
	[ -z "$(status "$1")" ] || fail "$1 is still there: $(status "$1")"
	before=$(cat "$work/before-$1" 2>/dev/null || echo 3)
	again "$1"
	is running "$1"
	until_n "$before" "$1"
}

ip netns add hospes-criu
echo "-- a network by path"
configure net "$counts; s#\"type\": \"network\"#\"type\": \"network\", \"path\": \"/run/netns/hospes-criu\"#"
round net
[ "$(o exec net readlink /proc/self/ns/net)" = "net:[$(stat -Lc %i /run/netns/hospes-criu)]" ] || fail "another network"
pid=$(o state net | sed -n 's/.*"pid": \([0-9]*\).*/\1/p')
[ "$(o exec net readlink /proc/self/ns/time)" = "$(readlink "/proc/$pid/ns/time")" ] || fail "exec has another clock"
grep -q hospes-net "/proc/$(o state net | sed -n 's/.*"pid": \([0-9]*\).*/\1/p')/cgroup" || fail "another cgroup"

echo "-- a cgroup of somebody else that has gone meanwhile is not made again"
other=/sys/fs/cgroup/hospes-criu-other
[ ! -d /sys/fs/cgroup/cpu ] || other=/sys/fs/cgroup/cpu/hospes-criu-other
mkdir "$other"
away net
rmdir "$other"
again net
[ ! -e "$other" ] || { rmdir "$other"; fail "it was"; }

echo "-- it goes on, paused or not"
away net --leave-running
is running net
o pause net
away net --leave-running
is paused net
o resume net
until_n 5 net
o delete -f net

echo "-- a network of its own, bind mounts, a link on the way to one, limits"
mkdir -p data && echo data >data/file
ln -sfn tmp "$b/rootfs/link"
configure own "$counts; s#\"mounts\": \\[#\"mounts\": [{\"destination\": \"/link/data\", \"type\": \"bind\", \"source\": \"$work/data\", \"options\": [\"bind\", \"ro\"]},#; s#\"resources\": {#\"resources\": {\"pids\": {\"limit\": 77},#"
round own
[ "$(o exec own cat /tmp/data/file)" = data ] || fail "no bind mount"
{ cat /sys/fs/cgroup/{,pids/}hospes-own/pids.max 2>/dev/null || :; } | grep -qx 77 || fail "no limit"
o kill own KILL
for _ in $(seq 50); do [ "$(status own)" = stopped ] && break; sleep 0.1; done
is stopped own
o delete own

echo "-- memory first, the rest later"
if criu check --feature mem_dirty_track >/dev/null 2>&1; then
	configure pre "$counts; s#\"type\": \"network\"#\"type\": \"network\", \"path\": \"/run/netns/hospes-criu\"#"
	up pre
	until_n 3 pre
	o checkpoint --pre-dump --image-path pre/first pre || fail "pre-dump"
	is running pre
	away pre --parent-path ../first
	again pre
	until_n 3 pre
	o delete -f pre
else
	echo "   this kernel does not track memory"
fi

echo "-- pipes are joined to those of who restores"
configure pipe "s#\"sh\"#\"sh\", \"-c\", \"echo one; read l; echo got \$l\"#; s#\"type\": \"network\"#\"type\": \"network\", \"path\": \"/run/netns/hospes-criu\"#"
{ sleep 100 & echo $! >sleeper; wait; } | o run -d --bundle pipe pipe 2>&1 | cat >out1 &
for _ in $(seq 100); do [ "$(status pipe)" = running ] && grep -q one out1 && break; sleep 0.1; done
away pipe
kill "$(cat sleeper)"
wait
rc=0; echo more | o restore --bundle pipe --image-path pipe/image pipe >out2 || rc=$?
[ "$rc $(cat out2)" = "0 got more" ] || fail "status $rc, said $(cat out2)"
[ -z "$(status pipe)" ] || fail "it was not deleted at its end"

echo "-- a terminal"
touch out4
configure term "s#\"sh\"#\"sh\", \"-c\", \"echo one; read l; test -t 0 \&\& echo got \$l\"#; s#\"type\": \"network\"#\"type\": \"network\", \"path\": \"/run/netns/hospes-criu\"#; s/\"terminal\": false/\"terminal\": true/"
sleep 100 | script -qec "$oci --root $work/states run --bundle term term" /dev/null >out3 2>&1 &
for _ in $(seq 100); do [ "$(status term)" = running ] && grep -q one out3 && break; sleep 0.1; done
away term
kill "$(jobs -p)" 2>/dev/null || :
wait
{ echo more; for _ in $(seq 200); do grep -q 'got more' out4 && break; sleep 0.1; done; } | script -qec "$oci --root $work/states restore --bundle term --image-path term/image term" /dev/null >out4 2>&1 || :
grep -q 'got more' out4 || fail "the terminal said $(cat out4)"
[ -z "$(status term)" ] || fail "it was not deleted at its end"

echo "-- hooks see the new process"
hook='{"hooks": {"createRuntime": [{"path": "/bin/sh", "args": ["sh", "-c", "cat >'$work'/hook"]}]},'
configure hooks "$counts; s#\"type\": \"network\"#\"type\": \"network\", \"path\": \"/run/netns/hospes-criu\"#; 1s#^{#$hook#"
up hooks
until_n 1 hooks
away hooks
rm hook
again hooks
grep -q "\"pid\":$(o state hooks | sed -n 's/.*"pid": \([0-9]*\).*/\1/p')" hook || fail "the hook was told $(cat hook)"
o delete -f hooks

echo "-- what goes wrong"
no() { # TEXT COMMAND...
	local text=$1
	shift
	! o "$@" >said 2>&1 </dev/null || fail "$* should have failed"
	case $(cat said) in *"$text"*) ;; *) fail "$*: $(cat said)" ;; esac
	[ "$(grep -c . said)" -eq 1 ] || fail "$*: more than a line: $(cat said)"
}
configure bad "$counts; s#\"type\": \"network\"#\"type\": \"network\", \"path\": \"/run/netns/hospes-criu\"#"
no 'does not exist' checkpoint --image-path bad/image bad
mkfifo hosts
exec 8<>hosts
o create --bundle bad bad <hosts >/dev/null 2>&1
no 'is created' checkpoint --image-path bad/image bad
o start bad
no 'No such file' checkpoint --image-path bad/nosuch/image bad
no 'parent-path' checkpoint --image-path bad/image --parent-path ../nosuch bad
no 'exists already' restore -d --bundle bad --image-path bad/image bad
# It holds a named pipe of the host: criu cannot write that down, and the container goes on.
until_n 1 bad
no 'criu failed: Can' checkpoint --image-path bad/image bad
is running bad
until_n "$(n bad)" bad
o delete -f bad
exec 8<&-
up bad
until_n 1 bad
away bad
no 'holds no checkpoint' restore -d --bundle bad --image-path data bad
rm bad/image/core-1.img
no 'criu failed' restore -d --bundle bad --image-path bad/image bad
no 'does not exist' state bad
PATH=/bin
if [ ! -e /usr/sbin/criu ]; then no 'not installed' restore -d --bundle bad --image-path bad/image bad; fi

[ -z "$(ls -A states)" ] || fail "states are left: $(ls -A states)"
! grep -E " ($work|$b)" /proc/self/mountinfo || fail "mounts are left"
for c in net own pre pipe term hooks bad; do
	[ -z "$(find /sys/fs/cgroup -type d -name "hospes-$c")" ] || fail "a cgroup of $c is left"
done
echo "checked out and in again"
