#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# oci-podman-user.sh - an ordinary user's Podman and Buildah on hospes-oci: user namespaces, networks, pods, builds.
# limit: 200
. "$(dirname "$0")/oci/engines.sh"
need podman buildah newuidmap slirp4netns

home=/run/tester uid=4321 # a user of this test's own /etc
own_etc
echo "tester:x:$uid:$uid::$home:/bin/sh" >>/etc/passwd
echo "tester:x:$uid:" >>/etc/group
printf 'tester:300000:65536\n' | tee /etc/subuid >/etc/subgid
mkdir -p $home /run/user/$uid
mount -t tmpfs tmpfs /dev/net # here the user may open it
mknod -m 666 /dev/net/tun c 10 200
cp "$oci" $home/runtime
cp "$work/root.tar" $home/root.tar
cat >$home/containers.conf <<-C
	[containers]
	default_ulimits = ["nofile=1024:1024", "nproc=1000:1000"]
	[engine]
	cgroup_manager = "cgroupfs"
	events_logger = "file"
	runtime = "hospes"
	runtime_supports_json = ["hospes"]
	[engine.runtimes]
	hospes = ["$home/runtime"]
C
chown -R $uid:$uid $home /run/user/$uid
user=(setpriv --reuid=$uid --regid=$uid --clear-groups env -i HOME=$home PATH=/usr/sbin:/usr/bin:/sbin:/bin TERM=dumb
	XDG_RUNTIME_DIR=/run/user/$uid CONTAINERS_CONF=$home/containers.conf)
pod=("${user[@]}" podman --storage-driver vfs)
p() { engine "$1" "${pod[@]}" "${@:2}"; }                        # STATUS COMMAND...
run() { engine "$1" "${pod[@]}" run --rm --network none "${@:2}"; } # STATUS OPTIONS... IMAGE COMMAND...
cd $home
at_end '"${pod[@]}" rm -fa -t 0 >/dev/null 2>&1'
p 0 import root.tar bb
p 0 info -f '{{.Host.OCIRuntime.Path}} {{.Host.Security.Rootless}}'; contains "$home/runtime true"

say "users"
run 3 bb sh -c 'id; cat /proc/self/uid_map; grep Seccomp: /proc/self/status; exit 3'; contains uid=0; contains "$uid"; contains 300000; contains 'Seccomp:	2'
run 0 --userns keep-id bb id; contains uid=$uid
run 0 --userns nomap bb cat /proc/self/uid_map; lacks " $uid "
run 0 --userns auto bb cat /proc/self/uid_map; contains 1024
run 0 -u 5:6 bb sh -c 'id; >/tmp/x || :'; contains uid=5

say "options of run"
mkdir $home/folder
chown $uid:$uid $home/folder
run 0 --read-only -v $home/folder:/data --tmpfs /scratch bb sh -c 'echo kept >/data/file; touch /scratch/x; ! touch /x'
[ "$(stat -c %u $home/folder/file)" = $uid ] || fail "the file's owner"
run 0 --init --cap-drop all --security-opt no-new-privileges -h box bb sh -c 'hostname; ps'; contains box; contains podman-init
run 0 --device /dev/null:/dev/nothing --shm-size 1m bb sh -c 'echo x >/dev/nothing; mount | grep shm'; contains 1024k
run 0 --privileged bb sh -c 'mount -t tmpfs x /tmp && echo mounted'; contains mounted
run 0 --pid host bb true
run 127 bb nosuch
run 126 bb /etc
engine_tty 0 "${pod[@]}" run --rm -it --network none bb ls -l /dev/console; contains 136,

say "a life"
p 0 run -d --name web --network none bb sh -c 'echo started; trap "exit 9" TERM; while :; do sleep 0.2; done'
p 4 exec web sh -c 'echo inside; exit 4'; contains inside
engine_tty 0 "${pod[@]}" exec -it web sh -c 'test -t 0 && echo tty'; contains tty
p 0 logs web; contains started
p 0 top web; contains sleep
p 0 stop -t 5 web
p 0 wait web; contains 9
p 0 start web
p 0 kill -s TERM web
p 0 wait web; contains 9
p 0 rm web

say "networks, pods, builds"
p 0 run --rm --network slirp4netns bb ip addr; contains 10.0.2.100
p 0 run -d --name server --network slirp4netns -p 127.0.0.1:8077:80 bb sh -c 'while :; do echo hello | nc -l -p 80; done'
until_ok sh -c "busybox nc 127.0.0.1 8077 </dev/null | grep hello"
p 0 run --rm --network container:server bb ip addr; contains 10.0.2.100
p 0 rm -f -t 0 server
p 0 pod create --name pod --network none --share net,ipc,uts,pid
p 0 run -d --pod pod bb sleep 100
p 0 run --rm --pod pod bb ps; contains 'sleep 100'
until_ok "${pod[@]}" pod rm -f -t 0 pod
printf 'FROM bb\nRUN echo more >/text\nUSER 5\nRUN id\n' >$home/Dockerfile
p 0 build --network none --ulimit nofile=1024:1024 -t built -f $home/Dockerfile; contains uid=5
run 0 built cat /text; contains more
b=("${user[@]}" buildah --storage-driver vfs)
engine 0 "${b[@]}" from --name working bb
engine 3 "${b[@]}" run --isolation oci --runtime $home/runtime --network none working sh -c 'id; exit 3'; contains uid=0
p 0 ps -aq; [ -z "$out" ] || fail "containers are left: $out"
echo "an ordinary user's podman runs containers"
