#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# oci-vm-engines.sh - Podman and containerd get machines by the runtime's other name.
# limit: 400
. "$(dirname "$0")/oci/engines.sh"
need podman containerd

# The machines' kernel is that of an image.
need_kernel
export HOSPES_ROOT=$work/hospes
expect 0 "$hospes" image import "$bundle/rootfs" --name kernel --kernel "$kernel"
ln -s "$(dirname "$kernel")/lib" "$HOSPES_ROOT/data/images/kernel/lib" # its modules
ln -s "$oci" "$work/hospes-oci-vm"
runtime=$work/runtime # engines do not pass their environment on
printf '#!/bin/sh\nHOSPES_ROOT=%s exec %s "$@"\n' "$HOSPES_ROOT" "$work/hospes-oci-vm" >"$runtime"
chmod +x "$runtime"
own=$(uname -r)
other() { lacks "$own"; contains cloud; }

say "Podman"
pod=(podman --root "$work/pod" --runroot "$work/podrun" --cgroup-manager cgroupfs --runtime "$runtime" --storage-driver vfs --events-backend file)
at_end '"${pod[@]}" rm -fa -t 0 >/dev/null 2>&1'
limits=(--network none --ulimit nofile=1024:1024 --ulimit nproc=1000:1000 --cgroup-parent "/$group")
engine 0 "${pod[@]}" import "$work/root.tar" bb
engine 3 "${pod[@]}" run --rm "${limits[@]}" bb sh -c 'busybox uname -r; id; grep Seccomp: /proc/self/status; exit 3'
other; contains uid=0; contains 'Seccomp:	2'
engine 0 "${pod[@]}" run -d --name web "${limits[@]}" --memory 200m --pids-limit 50 -v "$work:/mnt:ro" bb sh -c 'echo started; trap "exit 9" TERM; while :; do sleep 0.2; done'
engine 4 "${pod[@]}" exec web sh -c 'echo inside; ls /mnt/root.tar; ! touch /mnt/x; exit 4'; contains inside; contains root.tar
engine 0 "${pod[@]}" exec -t web sh -c 'test -t 0 && echo tty'; contains tty
engine 0 "${pod[@]}" exec -u 5:6 -w /tmp -e A=b web sh -c 'id; pwd; echo $A'; contains uid=5; contains /tmp
engine 0 "${pod[@]}" exec -d web sh -c 'sleep 1'
engine 0 "${pod[@]}" logs web; contains started
engine 0 "${pod[@]}" pause web
engine 0 "${pod[@]}" ps -a; contains Paused
engine 0 "${pod[@]}" unpause web
engine 0 "${pod[@]}" stats --no-stream web; contains web
engine 125 "${pod[@]}" update --memory 128m web; contains 'memory stays as it is'
engine 0 "${pod[@]}" stop -t 10 web
engine 0 "${pod[@]}" wait web; contains 9
engine 0 "${pod[@]}" rm web
engine 0 "${pod[@]}" run --rm -t "${limits[@]}" bb sh -c 'ls -l /dev/console'; contains 136,
engine 0 "${pod[@]}" run --rm "${limits[@]}" --read-only --tmpfs /scratch --uidmap 0:100000:1000 --gidmap 0:100000:1000 bb \
	sh -c 'cat /proc/self/uid_map; touch /scratch/x; ! touch /x'
contains 100000
engine 126 "${pod[@]}" run --rm "${limits[@]}" bb nosuch; contains 'not found'
engine 0 "${pod[@]}" run -d --name gone "${limits[@]}" bb sleep 100
engine 0 "${pod[@]}" kill -s KILL gone
until_ok sh -c "${pod[*]} ps -a | grep Exited"
engine 0 "${pod[@]}" rm gone

say "containerd"
dir=$work/containerd
mkdir "$dir"
printf 'version = 2\nroot = "%s"\nstate = "%s"\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n[grpc]\naddress = "%s"\n[ttrpc]\naddress = "%s"\n' \
	"$dir/root" "$dir/state" "$dir/c.sock" "$dir/t.sock" >"$dir/config.toml"
daemon "$dir/log" containerd -c "$dir/config.toml"
ctr=(ctr -a "$dir/c.sock")
until_ok "${ctr[@]}" version
"$top/tests/e2e/oci/image.py" localhost/bb:latest "$work/root.tar" "$dir/image.tar"
engine 0 "${ctr[@]}" image import --snapshotter native "$dir/image.tar"
how=(--snapshotter native --runc-binary "$runtime" --runc-root "$dir/states" --cgroup "/$group")
engine 3 "${ctr[@]}" run "${how[@]}" --rm localhost/bb:latest one /bin/sh -c 'busybox uname -r; exit 3'; other
engine 0 "${ctr[@]}" run "${how[@]}" -d localhost/bb:latest two /bin/sleep 100
engine 4 "${ctr[@]}" task exec --exec-id x two /bin/sh -c 'echo inside; exit 4'; contains inside
engine 0 "${ctr[@]}" task pause two
engine 0 "${ctr[@]}" task ls; contains PAUSED
engine 0 "${ctr[@]}" task resume two
engine 0 "${ctr[@]}" task metrics two; contains memory
engine 0 "${ctr[@]}" task ps two
engine 0 "${ctr[@]}" task kill -s KILL two
until_ok sh -c "${ctr[*]} task ls | grep STOPPED"
timeout -k 5 60 "${ctr[@]}" task rm two || : # its status is that of the process, 137
engine 0 "${ctr[@]}" container rm two
engine_tty 0 "${ctr[@]}" run -t "${how[@]}" --rm localhost/bb:latest three /bin/ls -l /dev/console; contains 136,
[ -z "$(ls "$dir/states/default" 2>/dev/null)" ] || fail "states are left"
echo "engines get machines"
