#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# oci-kubernetes.sh - containerd's side of Kubernetes with hospes as a runtime class: pods, by the calls of a kubelet.
# limit: 200
. "$(dirname "$0")/oci/engines.sh"
need containerd
/usr/bin/python3 -c 'import grpc, google.protobuf' 2>/dev/null || { echo "python3-grpcio or python3-protobuf is missing"; exit 77; }

dir=$work/containerd
mkdir -p "$dir/cni" "$dir/logs"
cat >"$dir/config.toml" <<-C
	version = 2
	root = "$dir/root"
	state = "$dir/state"
	[grpc]
	  address = "$dir/c.sock"
	[ttrpc]
	  address = "$dir/t.sock"
	[plugins."io.containerd.grpc.v1.cri"]
	  sandbox_image = "localhost/pause:1"
	  netns_mounts_under_state_dir = true
	  restrict_oom_score_adj = true
	  [plugins."io.containerd.grpc.v1.cri".cni]
	    bin_dir = "/usr/lib/cni"
	    conf_dir = "$dir/cni"
	  [plugins."io.containerd.grpc.v1.cri".containerd]
	    snapshotter = "native"
	    default_runtime_name = "hospes"
	    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.hospes]
	      runtime_type = "io.containerd.runc.v2"
	      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.hospes.options]
	        BinaryName = "$oci"
	        Root = "$dir/states"
C
cat >"$dir/cni/net.conflist" <<-C
	{"cniVersion": "0.4.0", "name": "net", "plugins": [{"type": "bridge", "bridge": "cni0", "isGateway": true, "ipam":
	 {"type": "host-local", "dataDir": "$dir/ipam", "ranges": [[{"subnet": "10.78.0.0/24"}]]}}]}
C
daemon "$dir/log" containerd -c "$dir/config.toml"
at_end '[ $rc -eq 0 ] || grep -E "level=(error|fatal)|warn.*cri" "$dir/log" | tail -20'
tools=$top/tests/e2e/oci
cri=("$tools/cri.py" "$dir/c.sock")
# ask STATUS CALL [JSON]: the answer in $out
ask() { engine "$1" "${cri[@]}" "${@:2}"; }
field() { printf '%s' "$out" | python3 -c "import json,sys; v=json.load(sys.stdin); print(v$1)"; }
# stream STATUS TEXT: what the URL of the last answer is of
stream() { engine "$1" "$tools/cri.py" - stream "$(field '["url"]')" "${@:2}"; }
until_ok "${cri[@]}" Version
"$tools/image.py" localhost/bb:1 "$work/root.tar" "$dir/bb.tar"
"$tools/image.py" localhost/pause:1 "$work/root.tar" "$dir/pause.tar" 'Entrypoint=["/bin/sleep", "1000"]' 'Cmd=[]'
for i in bb pause; do engine 0 ctr -a "$dir/c.sock" -n k8s.io image import --snapshotter native "$dir/$i.tar"; done
until_ok sh -c "${cri[*]} ListImages | grep localhost/bb:1"
ask 0 Status; contains '"status": true'

say "a pod"
pod_config() { # NAME HOSTNAME LINUX SYSCTLS
	printf '{"metadata": {"name": "%s", "namespace": "default", "uid": "%s"}, "hostname": "%s", "log_directory": "%s",
		"linux": {"cgroup_parent": "/%s", "sysctls": {%s}%s}}' "$1" "$1" "$2" "$dir/logs" "$group" "${4:-}" "${3:+, $3}"
}
ask 1 RunPodSandbox "{\"config\": $(pod_config other other), \"runtime_handler\": \"nosuch\"}"
pod=$(pod_config pod box '' '"net.ipv4.ip_forward": "1"')
ask 0 RunPodSandbox "{\"config\": $pod, \"runtime_handler\": \"hospes\"}"
sandbox=$(field '["pod_sandbox_id"]')
ask 0 PodSandboxStatus "{\"pod_sandbox_id\": \"$sandbox\"}"; contains SANDBOX_READY; contains 10.78.0; contains '"runtime_handler": "hospes"'
# made NAME COMMAND [MORE]: a container of the pod, in $id; created, not started
made() {
	ask 0 CreateContainer "{\"pod_sandbox_id\": \"$sandbox\", \"sandbox_config\": $pod, \"config\": {\"metadata\": {\"name\": \"$1\"},
		\"image\": {\"image\": \"localhost/bb:1\"}, \"command\": [\"sh\", \"-c\", \"$2\"], \"log_path\": \"$1.log\"${3:+, $3}}}"
	id=$(field '["container_id"]')
}
by_id() { ask 0 "$1" "{\"container_id\": \"$id\"${2:+, $2}}"; } # CALL [MORE]
ended() { # STATUS
	until_ok sh -c "${cri[*]} ContainerStatus '{\"container_id\": \"$id\"}' | grep EXITED"
	by_id ContainerStatus; [ "$1" = 0 ] || contains "\"exit_code\": $1"
}

say "a container"
echo text >"$work/text"
made web 'echo started; echo wrong >&2; trap \"exit 9\" TERM; while :; do sleep 0.2; done' "\"working_dir\": \"/tmp\", \"envs\": [{\"key\": \"A\", \"value\": \"b\"}],
	\"mounts\": [{\"container_path\": \"/mnt/text\", \"host_path\": \"$work/text\", \"readonly\": true}],
	\"linux\": {\"resources\": {\"cpu_period\": 100000, \"cpu_quota\": 50000, \"cpu_shares\": 512, \"memory_limit_in_bytes\": 67108864},
	\"security_context\": {\"no_new_privs\": true, \"run_as_user\": {\"value\": 5}, \"readonly_rootfs\": true, \"seccomp\": {\"profile_type\": \"RuntimeDefault\"},
	\"capabilities\": {\"drop_capabilities\": [\"ALL\"]}, \"masked_paths\": [\"/proc/keys\"], \"readonly_paths\": [\"/proc/sys\"]}}"
web=$id
by_id ContainerStatus; contains CONTAINER_CREATED
by_id StartContainer
by_id ContainerStatus; contains CONTAINER_RUNNING
in_web() { id=$web; by_id ExecSync "\"cmd\": [\"sh\", \"-c\", \"$1\"], \"timeout\": 20"; out=$(field '.get("stdout", "")' | base64 -d); printf '%s\n' "$out"; }
in_web 'id; pwd; echo A=$A; hostname; cat /mnt/text; touch /x || echo read-only; cat /proc/self/status; ip addr'
contains uid=5; contains /tmp; contains A=b; contains box; contains text; contains read-only
contains 'NoNewPrivs:	1'; contains 'Seccomp:	2'; contains 'CapBnd:	0000000000000000'; contains 10.78.0
in_web 'cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2>/dev/null; :'; contains 67108864
by_id ExecSync '"cmd": ["sh", "-c", "exit 4"]'; contains '"exit_code": 4'
ask 1 ExecSync "{\"container_id\": \"$id\", \"cmd\": [\"nosuch\"]}"; contains 'not found'
by_id ExecSync '"cmd": ["sleep", "0"], "timeout": 5'
ask 1 ExecSync "{\"container_id\": \"$id\", \"cmd\": [\"sleep\", \"100\"], \"timeout\": 1}"; contains DEADLINE_EXCEEDED
grep -q 'stdout F started' "$dir/logs/web.log" && grep -q 'stderr F wrong' "$dir/logs/web.log" || fail "logs: $(cat "$dir/logs/web.log")"

say "streams"
by_id Exec '"cmd": ["sh", "-c", "read a; echo got $a; exit 5"], "stdin": true, "stdout": true, "stderr": true'
stream 5 'hello
'; contains 'got hello'
by_id Exec '"cmd": ["sh", "-c", "test -t 0 && test -t 1 && echo a-tty"], "tty": true, "stdin": true, "stdout": true'
stream 0; contains a-tty

say "statistics, limits, the rest of its life"
by_id ContainerStats; contains working_set_bytes; contains usage_core_nano_seconds
by_id UpdateContainerResources '"linux": {"memory_limit_in_bytes": 134217728, "cpu_quota": 70000}'
in_web 'cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2>/dev/null; :'; contains 134217728
by_id StopContainer '"timeout": 5'
ended 9
by_id RemoveContainer

made probe 'ps; ip addr; exit 3' ; by_id StartContainer; ended 3; by_id RemoveContainer
grep -q 10.78.0 "$dir/logs/probe.log" || fail "it is not in the pod's network"
made shared 'ps' '"linux": {"security_context": {"namespace_options": {"pid": "POD"}}}'; by_id StartContainer; ended 0
grep -q 'sleep 1000' "$dir/logs/shared.log" || fail "it does not share the pod's processes"
made tty 'ls -l /dev/console' '"tty": true'; by_id StartContainer; ended 0
grep -q 136, "$dir/logs/tty.log" || fail "no terminal"
echo '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 95}]}' >"$work/profile"
mkdir "$work/folder"
mount --bind "$work/folder" "$work/folder" && mount --make-shared "$work/folder"
at_end 'umount "$work/folder" 2>/dev/null'
made rich 'id; cat /proc/sys/net/ipv4/ip_forward; ls -l /dev/nothing; busybox mkdir /tmp/x 2>&1; grep CapBnd /proc/self/status; grep /mnt /proc/self/mountinfo; >/mnt/made' \
	"\"mounts\": [{\"container_path\": \"/mnt\", \"host_path\": \"$work/folder\", \"propagation\": \"PROPAGATION_HOST_TO_CONTAINER\"}],
	\"devices\": [{\"container_path\": \"/dev/nothing\", \"host_path\": \"/dev/null\", \"permissions\": \"rwm\"}],
	\"linux\": {\"resources\": {\"oom_score_adj\": 1000}, \"security_context\": {\"run_as_group\": {\"value\": 7}, \"run_as_user\": {\"value\": 0}, \"supplemental_groups\": [8],
	\"capabilities\": {\"drop_capabilities\": [\"ALL\"], \"add_capabilities\": [\"NET_RAW\"]},
	\"seccomp\": {\"profile_type\": \"Localhost\", \"localhost_ref\": \"$work/profile\"}}}"
by_id StartContainer; ended 0
out=$(cat "$dir/logs/rich.log"); printf '%s\n' "$out"
contains 'gid=7'; contains 8; contains 'F 1'; contains '1,   3'; contains 'not supported'; contains 0000000000002000; contains master:
[ -e "$work/folder/made" ] || fail "the mount cannot be written to"
ask 0 ListPodSandboxStats; contains "$sandbox"
made hungry 'x=a; while :; do x=$x$x; done' '"linux": {"resources": {"memory_limit_in_bytes": 16777216}}'
by_id StartContainer; ended 137; contains OOMKilled

ask 0 ListContainers; contains shared
ask 0 StopPodSandbox "{\"pod_sandbox_id\": \"$sandbox\"}"
ask 0 RemovePodSandbox "{\"pod_sandbox_id\": \"$sandbox\"}"

say "a pod in the host's namespaces"
pod=$(pod_config host '' '"security_context": {"namespace_options": {"network": "NODE", "pid": "NODE", "ipc": "NODE"}, "privileged": true}')
ask 0 RunPodSandbox "{\"config\": $pod, \"runtime_handler\": \"hospes\"}"
sandbox=$(field '["pod_sandbox_id"]')
made host 'ps' '"linux": {"security_context": {"namespace_options": {"network": "NODE", "pid": "NODE", "ipc": "NODE"}}}'
by_id StartContainer; ended 0
grep -q containerd "$dir/logs/host.log" || fail "it does not see the host's processes"
made privileged 'mount -t tmpfs x /tmp && echo mounted; ls /dev' '"linux": {"security_context": {"privileged": true}}'
by_id StartContainer; ended 0
grep -q mounted "$dir/logs/privileged.log" || fail "not privileged: $(cat "$dir/logs/privileged.log")"
ask 0 StopPodSandbox "{\"pod_sandbox_id\": \"$sandbox\"}"
ask 0 RemovePodSandbox "{\"pod_sandbox_id\": \"$sandbox\"}"
ask 0 ListPodSandbox; lacks '"id"'
[ -z "$(ls "$dir/states/k8s.io" 2>/dev/null)" ] || fail "states are left"
echo "pods run containers"
