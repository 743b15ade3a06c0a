#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# oci-docker.sh - Docker runs containers through hospes-oci: a daemon of its own, no registry.
# limit: 280
. "$(dirname "$0")/oci/engines.sh"
need dockerd iptables
docker=/usr/bin/docker # Debian's; others may stand before it

dir=$work/docker
mkdir "$dir"
printf '{"runtimes": {"hospes": {"path": "%s"}}, "deprecated-key-path": "%s"}' "$oci" "$dir/key" >"$dir/daemon.json"
daemon "$dir/log" dockerd --config-file "$dir/daemon.json" --data-root "$dir/data" --exec-root "$dir/exec" -p "$dir/pid" \
	-H "unix://$dir/sock" --storage-driver vfs --cgroup-parent "/$group" --default-runtime hospes
at_end 'umount -R -l "$dir/data" 2>/dev/null' # dockerd binds it where mounts are private
export DOCKER_HOST=unix://$dir/sock DOCKER_CONFIG=$dir/cli
until_ok $docker version
began=$(date +%s)
engine 0 $docker import -c 'CMD ["sh"]' "$work/root.tar" bb
engine 0 $docker info; contains 'Default Runtime'

say "run"
engine 3 $docker run --rm bb sh -c 'id; grep Seccomp: /proc/self/status; ip addr; exit 3'
contains uid=0; contains 'Seccomp:	2'; contains eth0
engine 0 $docker run --rm --network none --read-only --tmpfs /scratch -v "$work:/mnt:ro" bb sh -c 'touch /scratch/x; mount | grep scratch; ls /mnt/root.tar; ! touch /x; ! touch /mnt/x'
contains '/scratch'; contains root.tar
engine 0 $docker run --rm -u 5:6 -w /tmp -e A=b -h box --cap-drop all --security-opt no-new-privileges bb sh -c 'id; pwd; echo $A; hostname; grep -E "CapEff|NoNew" /proc/self/status'
contains uid=5; contains /tmp; contains box; contains 'CapEff:	0000000000000000'; contains 'NoNewPrivs:	1'
engine 0 $docker run --rm --init bb ps; contains docker-init
engine 0 $docker run --rm --device /dev/null:/dev/nothing --sysctl net.ipv4.ip_forward=1 --ulimit nofile=100:200 --shm-size 1m bb \
	sh -c 'ls -l /dev/nothing; cat /proc/sys/net/ipv4/ip_forward; ulimit -n; mount | grep shm'
contains '1,   3'; contains 100; contains 1024k
engine 0 $docker run --rm --security-opt seccomp=unconfined --pid host --ipc host --uts host bb grep Seccomp: /proc/self/status
contains 'Seccomp:	0'
engine 0 $docker run --rm --privileged bb sh -c 'mount -t tmpfs x /tmp && echo mounted'; contains mounted
engine_tty 0 $docker run --rm -it --privileged bb ls -l /dev/console /dev/ptmx; contains 136,; contains 'ptmx -> pts/ptmx'
engine 0 $docker run --rm --memory 64m --cpus 0.5 --cpuset-cpus 0 --pids-limit 50 bb \
	sh -c 'cd /sys/fs/cgroup; cat memory/memory.limit_in_bytes memory.max cpu/cpu.cfs_quota_us cpu.max pids/pids.max pids.max 2>/dev/null; :'
contains 67108864; contains 50000
engine 127 $docker run --rm bb nosuch
engine 127 $docker run --rm bb /nosuch
engine 126 $docker run --rm bb /etc

say "a life"
engine 0 $docker run -d --name web --health-cmd 'test -e /tmp/well' --health-interval 1s --health-retries 1 bb \
	sh -c 'echo started; trap "exit 9" TERM; while :; do sleep 0.2; done'
engine 4 $docker exec web sh -c 'echo inside; exit 4'; contains inside
engine 0 $docker exec -u 5:6 -w /tmp -e A=b web sh -c 'id; pwd; echo $A'; contains uid=5; contains /tmp
engine_tty 0 $docker exec -it web sh -c 'test -t 0 && echo a-tty'; contains a-tty
until_ok sh -c "$docker ps | grep '(unhealthy)'"
engine 0 $docker exec web touch /tmp/well
until_ok sh -c "$docker ps | grep '(healthy)'"
engine 0 $docker logs web; contains started
engine 0 $docker top web; contains sleep
engine 0 $docker pause web
engine 0 $docker ps; contains Paused
engine 0 $docker unpause web
engine 0 $docker update --memory 96m --memory-swap 96m --cpus 0.7 web
engine 0 $docker stats --no-stream web; contains 96MiB
echo text >"$work/text"
engine 0 $docker cp "$work/text" web:/tmp/text
engine 0 $docker exec web cat /tmp/text; contains text
engine 0 $docker stop -t 5 web
engine 0 $docker wait web; contains 9
engine 0 $docker start web
engine 0 $docker restart -t 0 web
engine 0 $docker kill -s TERM web
engine 0 $docker wait web; contains 9
engine 0 $docker diff web; contains /tmp/text
engine 0 $docker commit web bb2
engine 0 $docker rm web
engine 0 $docker run --rm bb2 cat /tmp/text; contains text

say "terminals"
engine_tty 0 $docker run --rm -it bb ls -l /dev/console; contains 136,
engine_tty 0 $docker run --rm -it bb sh -c 'exit 0'

say "restarts, networks, ports"
engine 0 $docker run -d --name again --restart on-failure:2 bb sh -c 'echo once; exit 7'
until_ok sh -c "[ \$($docker logs again | grep -c once) = 3 ]"
engine 0 $docker wait again; contains 7
engine 0 $docker network create --subnet 10.77.0.0/24 net
engine 0 $docker run -d --name server --network net -p 127.0.0.1:8077:80 bb sh -c 'while :; do echo hello | nc -l -p 80; done'
until_ok sh -c "$docker run --rm --network net bb nc server 80 </dev/null | grep hello"
engine 0 $docker run --rm --network container:server bb ip addr; contains 10.77.0
engine 0 $docker rm -f server again
engine 0 $docker network rm net

say "build"
mkdir "$work/context"
printf 'FROM bb\nCOPY text /text\nRUN cat /text && echo more >>/text\n' >"$work/context/Dockerfile"
cp "$work/text" "$work/context/"
DOCKER_BUILDKIT=0 engine 0 $docker build --network none -t built "$work/context"
engine 0 $docker run --rm built cat /text; contains more

say "events"
engine 0 $docker events --since "$began" --until "$(date +%s)" --format '{{.Action}}'
for word in create start die pause unpause destroy exec_start; do contains $word; done
engine 0 $docker ps -aq; [ -z "$out" ] || fail "containers are left: $out"
echo "docker runs containers"
