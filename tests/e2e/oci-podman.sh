#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# oci-podman.sh - Podman and Buildah run containers, pods and builds through hospes-oci, without a registry.
# limit: 280
. "$(dirname "$0")/oci/engines.sh"
need podman buildah nft

# Where root lacks CAP_SYS_RESOURCE no limit may be raised; the "containers" are for --userns=auto.
cat >"$work/containers.conf" <<-C
	[containers]
	default_ulimits = ["nofile=1024:1024", "nproc=1000:1000"]
	[engine]
	cgroup_manager = "cgroupfs"
	events_logger = "file"
	runtime = "hospes"
	runtime_supports_json = ["hospes"]
	runtime_supports_nocgroup = ["hospes"]
	[engine.runtimes]
	hospes = ["$oci"]
C
export CONTAINERS_CONF=$work/containers.conf
own_etc
printf 'containers:200000:65536\n' | tee /etc/subuid >/etc/subgid
store=(--root "$work/pod" --runroot "$work/podrun" --storage-driver vfs)
pod=(podman "${store[@]}" --network-config-dir "$work/networks")
at_end '"${pod[@]}" pod rm -fa -t 0 >/dev/null 2>&1'
at_end '"${pod[@]}" rm -fa -t 0 >/dev/null 2>&1'
at_end 'find /sys/fs/cgroup -depth -path "*/libpod_parent*" -type d -exec rmdir {} + 2>/dev/null'
p() { engine "$1" "${pod[@]}" "${@:2}"; }             # STATUS COMMAND...
run() { engine "$1" "${pod[@]}" run --rm --network none "${@:2}"; } # STATUS OPTIONS... IMAGE COMMAND...
# Podman 4.3's own clean-up of a container that has just ended can be in the way (with runc too): once more then.
pod_rm() { timeout -k 5 60 "${pod[@]}" pod rm -f -t 0 "$1" >/dev/null 2>&1 </dev/null || { sleep 1; p 0 pod rm -f -t 0 "$1"; }; }
p 0 import "$work/root.tar" bb
began=$(date +%s)

say "options of run"
run 3 bb sh -c 'id; grep Seccomp: /proc/self/status; exit 3'; contains uid=0; contains 'Seccomp:	2'
run 0 --read-only -v "$work:/mnt:ro" --tmpfs /scratch bb sh -c 'mount | grep scratch; touch /scratch/x; ! touch /x; ! touch /mnt/x'
contains '/scratch'
run 0 --uidmap 0:100000:1000 --gidmap 0:100000:1000 bb cat /proc/self/uid_map; contains 100000
run 0 --userns auto bb cat /proc/self/uid_map; contains '1024'
run 0 --init --cap-drop all --security-opt no-new-privileges bb ps; contains podman-init
run 0 --cap-drop all --cap-add net_raw -u 5:6 --group-add 7 -w /tmp -e A=b -h box --umask 077 bb \
	sh -c 'id; pwd; echo $A; hostname; umask; grep CapBnd /proc/self/status'
contains uid=5; contains /tmp; contains box; contains 0077; contains 0000000000002000
run 0 --device /dev/null:/dev/nothing --sysctl net.ipv4.ip_forward=1 --ulimit nofile=100:200 --ulimit nproc=1000:1000 --shm-size 1m --oom-score-adj 100 bb \
	sh -c 'ls -l /dev/nothing; cat /proc/sys/net/ipv4/ip_forward /proc/self/oom_score_adj; ulimit -n; mount | grep shm'
contains '1,   3'; contains 100; contains 1024k
run 0 --security-opt seccomp=unconfined --security-opt unmask=ALL --pid host --ipc host --uts host bb sh -c 'grep Seccomp: /proc/self/status; ! mount | grep /proc/sys'
contains 'Seccomp:	0'
printf '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 95}]}' >"$work/profile"
run 0 --security-opt "seccomp=$work/profile" bb sh -c '! busybox mkdir /tmp/x'; contains 'not supported'
run 0 --memory 64m --cpus 0.5 --cpuset-cpus 0 --pids-limit 50 bb \
	sh -c 'cd /sys/fs/cgroup; cat memory/memory.limit_in_bytes memory.max cpu/cpu.cfs_quota_us cpu.max pids/pids.max pids.max 2>/dev/null; :'
contains 67108864; contains 50000
run 0 --cgroups disabled bb cat /proc/1/cgroup; lacks libpod
run 0 --cgroups no-conmon bb true
run 0 --privileged bb sh -c 'mount -t tmpfs x /tmp && echo mounted'; contains mounted
printf hush | timeout 20 "${pod[@]}" secret create secret - >/dev/null
run 0 --secret secret bb cat /run/secrets/secret; contains hush
p 0 volume create vol
run 0 -v vol:/data bb sh -c 'echo kept >/data/file'
run 0 -v vol:/data:ro bb cat /data/file; contains kept
mkdir "$work/folder"
cp -a "$bundle/rootfs" "$work/folder/root"
run 0 --rootfs "$work/folder/root" /bin/true
run 127 bb nosuch; contains 'not found'
run 127 bb /nosuch
run 126 bb /etc

if timeout 60 criu check >/dev/null 2>&1; then # Debian's does not work on every kernel
	say "checkpoint and restore" # of a volume without Podman's own mounts in it: criu wants to find those again
	mkdir -p "$work/given"
	p 0 run -d --name kept --network none -v "$work/given:/mnt:ro" bb sh -c 'i=0; while :; do i=$((i+1)); echo $i >/dev/shm/n; sleep 0.1; done'
	p 0 container checkpoint kept
	p 0 ps -a; contains Exited
	p 0 container restore kept
	p 0 exec kept cat /dev/shm/n
	n=${out##*$'\n'}
	p 0 container checkpoint -e "$work/kept.tar.gz" kept
	p 0 rm kept
	p 0 container restore -i "$work/kept.tar.gz" -n again
	p 0 exec again cat /dev/shm/n
	[ "${out##*$'\n'}" -ge "$n" ] || fail "it began anew: $out"
	p 0 rm -f -t 0 again
fi
rc=0; out=$(echo typed | timeout 30 "${pod[@]}" run --rm -i --network none bb cat) || rc=$?; contains typed
engine_tty 0 "${pod[@]}" run --rm -it --network none bb ls -l /dev/console; contains 136,
engine_tty 0 "${pod[@]}" run --rm -it --network none --privileged bb ls -l /dev/ptmx; contains pts/ptmx

say "a life"
p 0 run -d --name web --network none --memory 64m --pids-limit 50 --health-cmd 'test -e /tmp/well' bb \
	sh -c 'echo started; trap "exit 9" TERM; while :; do sleep 0.2; done'
p 4 exec web sh -c 'echo inside; exit 4'; contains inside
engine_tty 0 "${pod[@]}" exec -it web sh -c 'test -t 0 && echo tty'; contains tty
p 0 exec -u 5:6 -w /tmp -e A=b web sh -c 'id; pwd; echo $A'; contains uid=5; contains /tmp
p 0 exec --privileged web grep CapEff /proc/self/status; lacks 00000000a80425fb
p 127 exec web nosuch
p 1 healthcheck run web
p 0 exec web touch /tmp/well
p 0 healthcheck run web
p 0 logs web; contains started
p 0 pause web
p 0 ps -a; contains Paused
p 0 unpause web
p 0 stats --no-stream web; contains 67.11MB
p 0 update --memory 128m --cpus 0.7 web
p 0 exec web sh -c 'cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2>/dev/null; :'; contains 134217728
p 0 top web; contains sleep
echo text >"$work/text"
p 0 cp "$work/text" web:/tmp/text
p 0 exec web cat /tmp/text; contains text
p 0 stop -t 5 web
p 0 wait web; contains 9
p 0 start web
p 0 restart -t 0 web
p 0 kill -s TERM web
p 0 wait web; contains 9
p 0 diff web; contains /tmp/text
p 0 commit web bb2
p 0 rm web
run 0 bb2 cat /tmp/text; contains text
p 0 create --name later --network none bb sh -c 'exit 6'
p 0 init later
p 6 start --attach later
p 0 rm later
p 0 run -d --name again --network none --restart on-failure:2 bb sh -c 'echo once; exit 7'
until_ok sh -c "[ \$(${pod[*]} logs again | grep -c once) = 3 ]"
p 0 rm -f -t 0 again

say "networks"
p 0 network create --subnet 10.77.0.0/24 net
p 0 run -d --name server --network net -p 127.0.0.1:8077:80 bb sh -c 'while :; do echo hello | nc -l -p 80; done'
p 0 inspect -f '{{.NetworkSettings.Networks.net.IPAddress}}' server
address=$out
until_ok sh -c "${pod[*]} run --rm --network net bb nc $address 80 </dev/null | grep hello"
p 0 run --rm --network container:server bb ip addr; contains 10.77.0
p 0 rm -f -t 0 server
p 0 run --rm --network host bb ip addr; lacks 10.77.0
command -v slirp4netns >/dev/null && { p 0 run --rm --network slirp4netns bb ip addr; contains 10.0.2.100; }
p 0 network rm net

say "pods"
p 0 pod create --name pod --network none --share net,ipc,uts,pid
p 0 run -d --pod pod bb sleep 100
p 0 run --rm --pod pod bb ps; contains 'sleep 100'
p 0 pod stats --no-stream pod
p 0 pod pause pod
p 0 pod unpause pod
pod_rm pod
p 0 pod create --name mapped --network none --uidmap 0:100000:1000
p 0 run --rm --pod mapped bb cat /proc/self/uid_map; contains 100000
pod_rm mapped
cat >"$work/kube.yaml" <<-Y
	apiVersion: v1
	kind: Pod
	metadata: {name: kube}
	spec:
	  containers:
	  - name: main
	    image: localhost/bb2
	    command: [sh, -c, "cat /shared/file; sleep 100"]
	    resources: {limits: {memory: 64Mi, cpu: 500m}}
	    securityContext: {readOnlyRootFilesystem: true, runAsUser: 5}
	    volumeMounts: [{name: shared, mountPath: /shared}]
	  volumes: [{name: shared, hostPath: {path: $work/folder}}]
Y
echo first >"$work/folder/file" # Podman 4.3 is at times too early to remove an init container, with each runtime
p 0 play kube --network none "$work/kube.yaml"
until_ok sh -c "${pod[*]} logs kube-main | grep first"
p 0 exec kube-main id; contains uid=5
p 0 play kube --down "$work/kube.yaml"

say "builds"
printf 'FROM bb\nCOPY text /text\nRUN cat /text && echo more >>/text\nUSER 5\nRUN id\n' >"$work/Dockerfile"
p 0 build --network none --ulimit nofile=1024:1024 -t built -f "$work/Dockerfile" "$work"; contains uid=5
run 0 built cat /text; contains more
b=(buildah "${store[@]}")
engine 0 "${b[@]}" from --name working bb
engine 3 "${b[@]}" run --runtime "$oci" --network none working sh -c 'echo in a build >/made; exit 3'
engine 0 "${b[@]}" run --runtime "$oci" --network none working cat /made; contains 'in a build'
engine_tty 0 "${b[@]}" run --runtime "$oci" --network none -t working sh -c 'test -t 0 && echo a-tty'; contains a-tty
engine 0 "${b[@]}" run --isolation oci --runtime "$oci" --network none -v "$work:/mnt:ro" working ls /mnt/text
engine 0 "${b[@]}" bud --runtime "$oci" --network none -t bud -f "$work/Dockerfile" "$work"; contains uid=5
engine 0 "${b[@]}" commit working made
run 0 made cat /made; contains 'in a build'

say "events"
p 0 events --stream=false --since "$began" --format '{{.Status}}'
for word in create start died pause unpause exec remove; do contains $word; done
p 0 ps -aq; [ -z "$out" ] || fail "containers are left: $out"
echo "podman and buildah run containers"
