# SPDX-License-Identifier: GPL-2.0-or-later
# engines.sh - container engines with their daemons, on hospes-oci; sourced first by their tests.
#
# The test starts itself once more in pid, mount and network namespaces of its own: daemons, shims, mounts and links
# end with them, however the test ends; what remains is tidied up here, outside.
# To compare: HOSPES_OCI=/usr/sbin/runc ENGINES_GO_ON=1 tests/e2e/oci-docker.sh | grep FAILED
# shellcheck shell=bash disable=SC2154
if [ -z "${ENGINES_GROUP:-}" ]; then
	[ "$(id -u)" -eq 0 ] || { echo "needs root"; exit 77; }
	export ENGINES_GROUP=hospes-engine-$$ # the cgroup that all of the test's containers are below
	trap : INT TERM                       # the test itself ends by it, and this follows
	rc=0
	export ENGINES_WORK
	ENGINES_WORK=$(mktemp)
	unshare --mount --net --pid --fork --mount-proc --propagation private -- "$0" "$@" || rc=$?
	rm -rf "$(cat "$ENGINES_WORK")" "$ENGINES_WORK"
	for _ in 1 2 3 4 5 6 7 8 9 10; do # what has just ended is in there for a moment more
		find /sys/fs/cgroup -depth -path "*/$ENGINES_GROUP*" -type d -exec rmdir {} + 2>/dev/null
		[ -n "$(find /sys/fs/cgroup -maxdepth 2 -name "$ENGINES_GROUP*" 2>/dev/null)" ] || break
		sleep 0.2
	done
	exit $rc
fi
mount -t tmpfs tmpfs /run && mkdir -m 1777 /run/lock && mkdir /run/user
mount -t tmpfs tmpfs /dev/shm
ip link set lo up
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
echo "$work" >"$ENGINES_WORK"
[ -z "${ENGINES_GO_ON:-}" ] || fail() { printf 'FAILED: %s\n' "$*"; }

for a in ip top wget nc sort; do ln -s busybox "$bundle/rootfs/bin/$a"; done
tar -C "$bundle/rootfs" -cf "$work/root.tar" .
group=$ENGINES_GROUP

# own_etc: an /etc that the test may write to. (Files bound over single ones go when another program replaces those.)
own_etc() {
	cp -a /etc /run/etc
	mount --bind /run/etc /etc
}
need() { # PROGRAM...
	local p
	for p in "$@"; do command -v "$p" >/dev/null || { echo "$p is missing"; exit 77; }; done
}
# engine STATUS COMMAND...: as expect, but through a file: what is detached would hold a pipe open.
engine() {
	local want=$1 rc=0
	shift
	timeout -k 5 60 "$@" >"$work/out" 2>&1 <"${input:-/dev/null}" || rc=$?
	out=$(cat "$work/out")
	printf '$ %s\n%s\n' "$*" "$out"
	[ $rc -eq "$want" ] || fail "status $rc instead of $want: $*"
}
# engine_tty STATUS COMMAND...: the same on a terminal that nobody types at. (Podman 4.3 loses output when its own input ends
# first, with each runtime.)
mkfifo "$work/silence"
exec {silence}<>"$work/silence"
engine_tty() {
	local want=$1
	shift
	input=$work/silence engine "$want" script -qec "$(printf '%q ' "$@")" /dev/null
}
lacks() { case $out in *"$1"*) fail "output has: $1" ;; esac; }
# until_ok COMMAND...: tried again for ten seconds
until_ok() {
	for _ in $(seq 100); do timeout -k 5 20 "$@" >"$work/until" 2>&1 </dev/null && return 0; sleep 0.1; done
	cat "$work/until"
	fail "not in ten seconds: $*"
}
# daemon LOG COMMAND...: in the background; its pid in $daemon. It ends with the test.
daemon() {
	local log=$1
	shift
	"$@" >"$log" 2>&1 </dev/null &
	daemon=$!
	at_end "kill $daemon 2>/dev/null; wait $daemon 2>/dev/null"
}
