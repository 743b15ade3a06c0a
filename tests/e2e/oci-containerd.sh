#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# oci-containerd.sh - containerd runs containers through hospes-oci, by its own client and without a registry.
# limit: 120
. "$(dirname "$0")/oci/engines.sh"
need containerd ctr

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
daemon "$dir/log" containerd -c "$dir/config.toml"
"$top/tests/e2e/oci/image.py" localhost/bb:latest "$work/root.tar" "$dir/image.tar"
ctr=(ctr -a "$dir/c.sock" -n "$group") # cgroups are below the namespace's name
until_ok "${ctr[@]}" version
how=(--snapshotter native --runc-binary "$oci" --runc-root "$dir/states")
engine 0 "${ctr[@]}" image import --snapshotter native "$dir/image.tar"
engine 3 "${ctr[@]}" run "${how[@]}" --rm localhost/bb:latest one /bin/sh -c 'id; exit 3'; contains uid=0
engine 0 "${ctr[@]}" run "${how[@]}" --rm --read-only --net-host --env A=b --cwd /tmp --seccomp localhost/bb:latest limited \
	/bin/sh -c 'echo $A; pwd; grep Seccomp: /proc/self/status; ! touch /x'
contains b; contains /tmp; contains 'Seccomp:	2'
engine 0 "${ctr[@]}" run "${how[@]}" --memory-limit 67108864 -d localhost/bb:latest two /bin/sleep 100
engine 0 sh -c "cat /sys/fs/cgroup/memory/$group/two/memory.limit_in_bytes /sys/fs/cgroup/$group/two/memory.max 2>/dev/null; :"; contains 67108864
engine 4 "${ctr[@]}" task exec --exec-id x two /bin/sh -c 'echo inside; exit 4'; contains inside
engine 0 "${ctr[@]}" task pause two
engine 0 "${ctr[@]}" task ls; contains PAUSED
engine 0 "${ctr[@]}" task resume two
engine 0 "${ctr[@]}" task metrics two; contains memory
engine 0 "${ctr[@]}" task ps two
if timeout 60 criu check >/dev/null 2>&1; then # Debian's does not work on every kernel
	engine 0 "${ctr[@]}" task checkpoint --image-path "$dir/two" two
	[ -e "$dir/two/inventory.img" ] || fail "no checkpoint"
	engine 0 "${ctr[@]}" task exec --exec-id y two /bin/true
fi
engine 0 "${ctr[@]}" task kill -s KILL two
for _ in $(seq 50); do "${ctr[@]}" task ls | grep -q STOPPED && break; sleep 0.1; done
"${ctr[@]}" task rm two || : # its status is that of the process, 137
engine 0 "${ctr[@]}" container rm two
engine_tty 0 "${ctr[@]}" run -t "${how[@]}" --rm localhost/bb:latest three /bin/ls -l /dev/console; contains 136,
engine 0 "${ctr[@]}" container ls -q; [ -z "$out" ] || fail "containers are left: $out"
echo "containerd runs containers"
