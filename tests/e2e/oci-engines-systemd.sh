#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# oci-engines-systemd.sh - Podman, containerd, Kubernetes' CRI and Docker ask for systemd's scopes, on a real systemd and cgroup v2 in a machine.
# suite: slow
# limit: 900
. "$(dirname "$0")/oci/lib.sh"

image=engines-systemd
(
	flock 9
	"$hospes" image ls --json | grep -q "\"$image\"" ||
		"$hospes" image build debian --name $image --include systemd-sysv,dbus,udev,podman,containerd,docker.io,iproute2,python3-grpcio,python3-protobuf >"$assets/image-engines.log" 2>&1 ||
		{ cat "$assets/image-engines.log"; exit 1; }
) 9>"$assets/image.lock"
machine=oci-engines-$$
guests+=("$machine")
"$hospes" run --vm -d --engine soft --name "$machine" --cpus 2 --memory 1G $image
cp "$oci" "$work/hospes-oci"
tar -C "$bundle/rootfs" -cf "$work/root.tar" .
"$top/tests/e2e/oci/image.py" localhost/bb:latest "$work/root.tar" "$work/image.tar"
"$top/tests/e2e/oci/image.py" localhost/pause:1 "$work/root.tar" "$work/pause.tar" 'Entrypoint=["/bin/sleep", "1000"]' 'Cmd=[]'
cp "$top/tests/e2e/oci/cri.py" "$work/"
tar -C "$work" -cf - hospes-oci root.tar image.tar pause.tar cri.py | "$hospes" exec -i "$machine" sh -c 'mkdir /b && tar -C /b -xf -'

cat >"$work/inside.sh" <<'G'
set -u
cd /b
fail() { echo "FAILED: $*"; exit 1; }
# ok COMMAND...: through a file, for what is detached would hold a pipe open
ok() { echo "\$ $*"; timeout -k 5 120 "$@" >/b/out 2>&1 </dev/null || { rc=$?; cat /b/out; fail "status $rc: $*"; }; cat /b/out; }
for i in $(seq 100); do busctl status >/dev/null 2>&1 && break; sleep 0.5; done
timeout 100 systemctl is-system-running --wait >/dev/null 2>&1 # the packages' own services are at it until then
[ "$(stat -fc %T /sys/fs/cgroup)" = cgroup2fs ] || fail "no cgroup v2"
in_scope() { # NAME FILE VALUE
	got=$(cat "/sys/fs/cgroup/$1/$2")
	[ "$got" = "$3" ] || fail "$1: $2 is $got, not $3"
}

printf '[engine]\ncgroup_manager = "systemd"\nevents_logger = "file"\nruntime = "hospes"\n[engine.runtimes]\nhospes = ["/b/hospes-oci"]\n' >containers.conf
export CONTAINERS_CONF=/b/containers.conf
echo "-- Podman"
p() { ok podman --root /b/pod --runroot /run/b --storage-driver vfs "$@"; }
p import root.tar bb
p run -d --name web --network none --memory 64m --cpus 0.5 --pids-limit 50 bb sh -c 'trap "exit 9" TERM; while :; do sleep 0.2; done'
id=$(podman --root /b/pod --runroot /run/b --storage-driver vfs inspect -f '{{.Id}}' web)
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
[ "$(podman --root /b/pod --runroot /run/b --storage-driver vfs wait web)" = 9 ] || fail "its status"
p rm web
p pod create --name pod --infra=false
p run --rm --network none --pod pod bb cat /proc/self/cgroup
podman --root /b/pod --runroot /run/b --storage-driver vfs pod rm -f -t 0 pod >/dev/null 2>&1 || { sleep 2; p pod rm -f -t 0 pod; }

systemctl stop docker.socket docker.service containerd.service # of the packages: ours follow
echo "-- containerd"
cat >config.toml <<-C
	version = 2
	[plugins."io.containerd.grpc.v1.cri"]
	  sandbox_image = "localhost/pause:1"
	  [plugins."io.containerd.grpc.v1.cri".containerd]
	    snapshotter = "native"
	    default_runtime_name = "hospes"
	    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.hospes]
	      runtime_type = "io.containerd.runc.v2"
	      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.hospes.options]
	        BinaryName = "/b/hospes-oci"
	        SystemdCgroup = true
C
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

echo "-- Kubernetes"
for i in image pause; do ok ctr -n k8s.io image import --snapshotter native $i.tar; done
cri() { ok ./cri.py /run/containerd/containerd.sock "$@"; }
field() { sed -n 's/.*"'"$1"'": "\(.*\)".*/\1/p' out | head -1; }
for i in $(seq 50); do ./cri.py /run/containerd/containerd.sock ListImages 2>/dev/null | grep -q localhost/bb && break; sleep 0.5; done
host='"security_context": {"namespace_options": {"network": "NODE"}}'
pod='{"metadata": {"name": "pod", "namespace": "default", "uid": "pod"}, "log_directory": "/b", "linux": {"cgroup_parent": "kubepods-burstable-pod7.slice", '$host'}}'
cri RunPodSandbox '{"config": '"$pod"', "runtime_handler": "hospes"}'
sandbox=$(field pod_sandbox_id)
cri CreateContainer '{"pod_sandbox_id": "'"$sandbox"'", "sandbox_config": '"$pod"', "config": {"metadata": {"name": "main"}, "image": {"image": "localhost/bb:latest"},
	"command": ["sleep", "1000"], "log_path": "main.log", "linux": {"resources": {"memory_limit_in_bytes": 67108864, "cpu_quota": 50000, "cpu_period": 100000}, '"$host"'}}}'
id=$(field container_id)
cri StartContainer '{"container_id": "'$id'"}'
scope=kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod7.slice/cri-containerd-$id.scope
systemctl is-active --quiet cri-containerd-$id.scope || fail "no active scope of a pod"
in_scope $scope memory.max 67108864
in_scope $scope cpu.max '50000 100000'
cri ExecSync '{"container_id": "'$id'", "cmd": ["true"]}'
cri UpdateContainerResources '{"container_id": "'$id'", "linux": {"memory_limit_in_bytes": 100663296}}'
systemctl daemon-reload
in_scope $scope memory.max 100663296
cri ContainerStats '{"container_id": "'$id'"}'
cri StopContainer '{"container_id": "'$id'", "timeout": 0}'
cri StopPodSandbox '{"pod_sandbox_id": "'"$sandbox"'"}'
cri RemovePodSandbox '{"pod_sandbox_id": "'"$sandbox"'"}'

echo "-- Docker"
printf '{"runtimes": {"hospes": {"path": "/b/hospes-oci"}}, "default-runtime": "hospes", "exec-opts": ["native.cgroupdriver=systemd"]}' >daemon.json
dockerd --config-file daemon.json --storage-driver vfs --iptables=false --bridge=none >dockerd.log 2>&1 &
docker=$!
for i in $(seq 100); do docker version >/dev/null 2>&1 && break; sleep 0.5; done
ok docker import root.tar bb
ok docker run -d --name web --network none --security-opt apparmor=unconfined --memory 64m bb sleep 1000
id=$(docker inspect -f '{{.Id}}' web)
systemctl is-active --quiet docker-$id.scope || fail "no active scope of docker"
in_scope system.slice/docker-$id.scope memory.max 67108864
ok docker exec web true
ok docker update --memory 96m --memory-swap 96m web
systemctl daemon-reload
in_scope system.slice/docker-$id.scope memory.max 100663296
ok docker stats --no-stream web
ok docker pause web
ok docker unpause web
ok docker rm -f web
kill $docker $daemon
sleep 1
! systemctl list-units --all | grep -E '(libpod|cri-containerd|docker)-[0-9a-f]*\.scope|ctr-two' || fail "units are left"
echo "engines use scopes of systemd"
G
rc=0; out=$(timeout 500 "$hospes" exec -i "$machine" bash <"$work/inside.sh" 2>&1) || rc=$?
printf '%s\n' "$out"
[ $rc -eq 0 ] || fail "status $rc"
contains "engines use scopes of systemd"
