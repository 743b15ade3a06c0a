#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# oci-engines.sh - Podman and containerd run containers through hospes-oci, without a registry.
# limit: 280
. "$(dirname "$0")/oci/lib.sh"
command -v podman >/dev/null && command -v containerd >/dev/null || { echo "podman or containerd is missing"; exit 77; }

tar -C "$bundle/rootfs" -cf "$work/root.tar" .
# expect_out STATUS COMMAND...: as expect, but through a file: what is detached would hold a pipe open
engine() {
	local want=$1 rc=0
	shift
	timeout 60 "$@" >"$work/out" 2>&1 </dev/null || rc=$?
	out=$(cat "$work/out")
	printf '$ %s\n%s\n' "$*" "$out"
	[ $rc -eq "$want" ] || fail "status $rc instead of $want: $*"
}

# Podman 4.3's own clean-up of a container that has just ended can be in the way (with runc too): once more then.
pod_rm() { timeout 60 "${pod[@]}" pod rm -f -t 0 "$1" >/dev/null 2>&1 </dev/null || { sleep 1; engine 0 "${pod[@]}" pod rm -f -t 0 "$1"; }; }

say "Podman"
pod=(podman --root "$work/pod" --runroot "$work/podrun" --cgroup-manager cgroupfs --runtime "$oci" --storage-driver vfs --events-backend file)
at_end '"${pod[@]}" pod rm -fa -t 0 >/dev/null 2>&1'
at_end '"${pod[@]}" rm -fa -t 0 >/dev/null 2>&1'
at_end 'find /sys/fs/cgroup -depth -path "*/libpod_parent*" -type d -exec rmdir {} + 2>/dev/null'
limits=(--network none --ulimit nofile=1024:1024 --ulimit nproc=1000:1000) # without CAP_SYS_RESOURCE none may be raised
engine 0 "${pod[@]}" import "$work/root.tar" bb
engine 3 "${pod[@]}" run --rm "${limits[@]}" bb sh -c 'id; grep Seccomp: /proc/self/status; exit 3'
contains uid=0; contains 'Seccomp:	2'
engine 0 "${pod[@]}" run -d --name web "${limits[@]}" --memory 64m --pids-limit 50 bb sh -c 'echo started; trap "exit 9" TERM; while :; do sleep 0.2; done'
engine 4 "${pod[@]}" exec web sh -c 'echo inside; exit 4'; contains inside
engine 0 "${pod[@]}" exec -t web sh -c 'test -t 0 && echo tty'; contains tty
engine 0 "${pod[@]}" exec -u 5:6 -w /tmp -e A=b web sh -c 'id; pwd; echo $A'; contains uid=5; contains /tmp
engine 0 "${pod[@]}" logs web; contains started
engine 0 "${pod[@]}" pause web
engine 0 "${pod[@]}" ps -a; contains Paused
engine 0 "${pod[@]}" unpause web
engine 0 "${pod[@]}" stats --no-stream web; contains 67.11MB
engine 0 "${pod[@]}" update --memory 128m web
engine 0 "${pod[@]}" top web
engine 0 "${pod[@]}" stop -t 5 web
engine 0 "${pod[@]}" wait web; contains 9
engine 0 "${pod[@]}" rm web
engine 0 "${pod[@]}" run --rm -t "${limits[@]}" bb sh -c 'ls -l /dev/console'; contains 136,
engine 0 "${pod[@]}" run --rm "${limits[@]}" --read-only -v "$work:/mnt:ro" --tmpfs /scratch bb sh -c 'mount; touch /scratch/x'; contains '/scratch'
engine 0 "${pod[@]}" run --rm "${limits[@]}" --uidmap 0:100000:1000 --gidmap 0:100000:1000 bb cat /proc/self/uid_map; contains 100000
engine 0 "${pod[@]}" run --rm "${limits[@]}" --init --cap-drop all --security-opt no-new-privileges bb true
engine 127 "${pod[@]}" run --rm "${limits[@]}" bb nosuch; contains 'not found'
engine 126 "${pod[@]}" run --rm "${limits[@]}" bb /etc

criu=no # Debian's does not work on every kernel
if timeout 60 criu check >/dev/null 2>&1; then criu=yes; fi
count='i=0; while :; do i=$((i+1)); echo $i >/dev/shm/n; sleep 0.1; done'
if [ $criu = yes ]; then
	engine 0 "${pod[@]}" run -d --name kept "${limits[@]}" -v "$bundle:/mnt:ro" bb sh -c "$count"
	engine 0 "${pod[@]}" container checkpoint kept
	engine 0 "${pod[@]}" ps -a; contains Exited
	engine 0 "${pod[@]}" container restore kept
	engine 0 "${pod[@]}" exec kept cat /dev/shm/n
	n=${out##*$'\n'}
	engine 0 "${pod[@]}" container checkpoint -e "$work/kept.tar.gz" kept
	engine 0 "${pod[@]}" rm kept
	engine 0 "${pod[@]}" container restore -i "$work/kept.tar.gz" -n again
	engine 0 "${pod[@]}" exec again cat /dev/shm/n
	[ "${out##*$'\n'}" -ge "$n" ] || fail "it began anew: $out"
	engine 0 "${pod[@]}" rm -f -t 0 again
fi

printf '[containers]\ndefault_ulimits = ["nofile=1024:1024", "nproc=1000:1000"]\n' >"$work/containers.conf"
export CONTAINERS_CONF=$work/containers.conf # for the containers that pods bring
if [ -x /usr/libexec/podman/catatonit ]; then
	engine 0 "${pod[@]}" pod create --name pod --network none --share net,ipc,uts,pid
	engine 0 "${pod[@]}" run -d --pod pod bb sleep 100
	engine 0 "${pod[@]}" run --rm --pod pod bb ps; contains 'sleep 100'
	pod_rm pod
	engine 0 "${pod[@]}" pod create --name mapped --network none --uidmap 0:100000:1000
	engine 0 "${pod[@]}" run --rm --pod mapped bb cat /proc/self/uid_map; contains 100000
	pod_rm mapped
fi

say "containerd"
dir=$work/containerd
mkdir "$dir"
cat >"$dir/config.toml" <<-C
	version = 2
	root = "$dir/root"
	state = "$dir/state"
	disabled_plugins = ["io.containerd.grpc.v1.cri"]
	[grpc]
	  address = "$dir/c.sock"
	[ttrpc]
	  address = "$dir/t.sock"
C
containerd -c "$dir/config.toml" >"$dir/log" 2>&1 &
daemon=$!
[ -n "$(find /sys/fs/cgroup -maxdepth 2 -name default)" ] || at_end 'find /sys/fs/cgroup -maxdepth 2 -name default -exec rmdir {} + 2>/dev/null'
at_end 'kill $daemon; wait $daemon 2>/dev/null; sleep 0.3'
python3 - "$work/root.tar" "$dir/image.tar" <<-'P'
	import hashlib, io, json, sys, tarfile
	layer = open(sys.argv[1], "rb").read()
	digest = lambda b: "sha256:" + hashlib.sha256(b).hexdigest()
	config = json.dumps({"architecture": "amd64", "os": "linux", "config": {"Env": ["PATH=/bin"], "Cmd": ["sh"]},
	                     "rootfs": {"type": "layers", "diff_ids": [digest(layer)]}}).encode()
	kind = "application/vnd.oci.image."
	manifest = json.dumps({"schemaVersion": 2, "mediaType": kind + "manifest.v1+json",
	    "config": {"mediaType": kind + "config.v1+json", "digest": digest(config), "size": len(config)},
	    "layers": [{"mediaType": kind + "layer.v1.tar", "digest": digest(layer), "size": len(layer)}]}).encode()
	index = json.dumps({"schemaVersion": 2, "manifests": [{"mediaType": kind + "manifest.v1+json", "digest": digest(manifest),
	    "size": len(manifest), "annotations": {"io.containerd.image.name": "localhost/bb:latest"}}]}).encode()
	with tarfile.open(sys.argv[2], "w") as t:
	    for name, data in [("oci-layout", b'{"imageLayoutVersion":"1.0.0"}'), ("index.json", index),
	                       *(("blobs/sha256/" + digest(b)[7:], b) for b in (layer, config, manifest))]:
	        info = tarfile.TarInfo(name)
	        info.size = len(data)
	        t.addfile(info, io.BytesIO(data))
P
ctr=(ctr -a "$dir/c.sock")
for _ in $(seq 100); do "${ctr[@]}" version >/dev/null 2>&1 && break; sleep 0.1; done
how=(--snapshotter native --runc-binary "$oci" --runc-root "$dir/states")
engine 0 "${ctr[@]}" image import --snapshotter native "$dir/image.tar"
engine 3 "${ctr[@]}" run "${how[@]}" --rm localhost/bb:latest one /bin/sh -c 'id; exit 3'; contains uid=0
engine 0 "${ctr[@]}" run "${how[@]}" -d localhost/bb:latest two /bin/sleep 100
engine 4 "${ctr[@]}" task exec --exec-id x two /bin/sh -c 'echo inside; exit 4'; contains inside
engine 0 "${ctr[@]}" task pause two
engine 0 "${ctr[@]}" task ls; contains PAUSED
engine 0 "${ctr[@]}" task resume two
engine 0 "${ctr[@]}" task metrics two; contains memory
engine 0 "${ctr[@]}" task ps two
if [ $criu = yes ]; then
	engine 0 "${ctr[@]}" task checkpoint --image-path "$work/two" two
	[ -e "$work/two/inventory.img" ] || fail "no checkpoint"
	engine 0 "${ctr[@]}" task exec --exec-id y two /bin/true
fi
engine 0 "${ctr[@]}" task kill -s KILL two
for _ in $(seq 50); do "${ctr[@]}" task ls | grep -q STOPPED && break; sleep 0.1; done
"${ctr[@]}" task rm two || : # its status is that of the process, 137
engine 0 "${ctr[@]}" container rm two
rc=0; out=$(script -qec "timeout 30 ${ctr[*]} run -t ${how[*]} --rm localhost/bb:latest three /bin/ls -l /dev/console" /dev/null </dev/null) || rc=$?
contains 136,
echo "engines run containers"
