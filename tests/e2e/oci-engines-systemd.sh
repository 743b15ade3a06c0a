#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# oci-engines-systemd.sh - Podman and containerd ask for systemd's scopes, on a real systemd and cgroup v2 in a machine.
# limit: 600
. "$(dirname "$0")/oci/lib.sh"

image=engines-systemd
(
	flock 9
	"$hospes" image ls --json | grep -q "\"$image\"" ||
		"$hospes" image build debian --name $image --include systemd-sysv,dbus,udev,podman,containerd,iproute2 >"$assets/image-engines.log" 2>&1 ||
		{ cat "$assets/image-engines.log"; exit 1; }
) 9>"$assets/image.lock"
machine=oci-engines-$$
guests+=("$machine")
"$hospes" run --vm -d --engine soft --name "$machine" --cpus 2 --memory 1G $image
cp "$oci" "$work/hospes-oci"
tar -C "$bundle/rootfs" -cf "$work/root.tar" .
"$top/tests/e2e/oci/image.py" localhost/bb:latest "$work/root.tar" "$work/image.tar"
tar -C "$work" -cf - hospes-oci root.tar image.tar | "$hospes" exec -i "$machine" sh -c 'mkdir /b && tar -C /b -xf -'

cat >"$work/inside.sh" <<'G'
set -u
cd /b
fail() { echo "FAILED: $*"; exit 1; }
# ok COMMAND...: through a file, for what is detached would hold a pipe open
ok() { echo "\$ $*"; timeout -k 5 120 "$@" >/b/out 2>&1 </dev/null || { rc=$?; cat /b/out; fail "status $rc: $*"; }; cat /b/out; }
for i in $(seq 100); do busctl status >/dev/null 2>&1 && break; sleep 0.5; done
[ "$(stat -fc %T /sys/fs/cgroup)" = cgroup2fs ] || fail "no cgroup v2"
in_scope() { # NAME FILE VALUE
	got=$(cat "/sys/fs/cgroup/$1/$2")
	[ "$got" = "$3" ] || fail "$1: $2 is $got, not $3"
}

printf '[engine]\ncgroup_manager = "systemd"\nevents_logger = "file"\nruntime = "hospes"\n[engine.runtimes]\nhospes = ["/b/hospes-oci"]\n' >containers.conf
export CONTAINERS_CONF=/b/containers.conf
p() { ok podman --storage-driver vfs "$@"; }
p import root.tar bb
p run -d --name web --network none --memory 64m --cpus 0.5 --pids-limit 50 bb sh -c 'trap "exit 9" TERM; while :; do sleep 0.2; done'
id=$(podman --storage-driver vfs inspect -f '{{.Id}}' web)
scope=machine.slice/libpod-$id.scope
systemctl is-active --quiet "libpod-$id.scope" || fail "no active scope"
in_scope "$scope" memory.max 67108864
in_scope "$scope" pids.max 50
in_scope "$scope" cpu.max '50000 100000'
p exec web cat /proc/self/cgroup
p update --memory 96m web
in_scope "$scope" memory.max 100663296
systemctl daemon-reload
in_scope "$scope" memory.max 100663296
p stats --no-stream web
p pause web
in_scope "$scope" cgroup.freeze 1
p unpause web
p stop -t 10 web
[ "$(podman --storage-driver vfs wait web)" = 9 ] || fail "its status"
p rm web
p pod create --name pod --infra=false
p run --rm --network none --pod pod bb cat /proc/self/cgroup
podman --storage-driver vfs pod rm -f -t 0 pod >/dev/null 2>&1 || { sleep 2; p pod rm -f -t 0 pod; }

printf 'version = 2\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n' >config.toml
containerd -c config.toml >containerd.log 2>&1 &
daemon=$!
for i in $(seq 50); do ctr version >/dev/null 2>&1 && break; sleep 0.5; done
ok ctr image import --snapshotter native image.tar
how="--snapshotter native --runc-binary /b/hospes-oci --runc-systemd-cgroup"
ok ctr run $how --cgroup machine.slice:ctr:two --memory-limit 67108864 -d localhost/bb:latest two /bin/sleep 1000
systemctl is-active --quiet ctr-two.scope || fail "no active scope of ctr"
in_scope machine.slice/ctr-two.scope memory.max 67108864
ok ctr task exec --exec-id x two /bin/true
ok ctr task pause two
in_scope machine.slice/ctr-two.scope cgroup.freeze 1
ok ctr task resume two
ok ctr task metrics two
ok ctr task kill -s KILL two
for i in $(seq 50); do ctr task ls | grep -q STOPPED && break; sleep 0.2; done
ctr task rm two || : # its status is that of the process
ok ctr container rm two
kill $daemon
sleep 1
! systemctl list-units --all | grep -E 'libpod-[0-9a-f]*\.scope|ctr-two' || fail "units are left"
echo "engines use scopes of systemd"
G
rc=0; out=$(timeout 500 "$hospes" exec -i "$machine" bash <"$work/inside.sh" 2>&1) || rc=$?
printf '%s\n' "$out"
[ $rc -eq 0 ] || fail "status $rc"
contains "engines use scopes of systemd"
