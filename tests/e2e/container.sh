#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# limit: 600
# Containers by `hospes run` without --vm: the verbs that machines have, what a container is kept from, and that nothing
# of one is left behind.
. "$(dirname "$0")/lib.sh"
need_image
if [ "$(id -u)" -ne 0 ]; then
	echo "SKIP: needs root"
	exit 0
fi
tag=c$$
nap=$$ # our sleeps, known among those of others
net=(--net none)

cgroups() { find /sys/fs/cgroup -maxdepth 3 -name "hospes-*$mark" 2>/dev/null | sort; }
mounts() { grep -c "$assets" /proc/self/mountinfo || :; }
ours() { pgrep -f "sleep $1" | wc -l; }
mounts_before=$(mounts)

say "the image's root is made ready once"
expect 0 "$hospes" run "${net[@]}" --rm debian true
root=$HOSPES_ROOT/data/images/debian/root
[ -x "$root/bin/sh" ] && [ ! -e "$root/lost+found" ] || fail "no root"
[ "$(stat -c %a "$root/usr/bin/passwd")" = 4755 ] || fail "set-uid is lost"
[ "$(stat -c %a "$root/tmp")" = 1777 ] || fail "mode of /tmp"
[ -L "$root/bin" ] || fail "a link is lost"

say "cgroups have the run folder's mark"
guests+=("$tag-mark")
expect 0 "$hospes" run "${net[@]}" -d --name "$tag-mark" debian sleep ${nap}0
mark=$(find "$HOSPES_ROOT/run/.containers" -name "$tag-mark.*" -printf '%f' | sed 's/.*\././')
[ -n "$(cgroups)" ] || fail "no cgroup ends in $mark"
expect 0 "$hospes" rm -f "$tag-mark"
[ -z "$(cgroups)" ] || fail "cgroups: $(cgroups)"

say "status, streams, environment, user, folder"
expect 7 "$hospes" run "${net[@]}" --rm debian sh -c 'exit 7'
expect 143 "$hospes" run "${net[@]}" --rm debian sh -c 'sh -c "kill -TERM \$\$"'
expect 125 "$hospes" run "${net[@]}" --rm debian nonesuch
contains nonesuch
out=$("$hospes" run "${net[@]}" --rm debian sh -c 'echo out; echo err >&2' 2>/dev/null)
[ "$out" = out ] || fail "streams are mixed: $out"
out=$(head -c 3000000 /dev/zero | "$hospes" run "${net[@]}" -i --rm debian sh -c 'wc -c; head -c 2000000 /dev/zero' | wc -c)
[ "$out" -eq 2000008 ] || fail "bytes are lost: $out"
expect 0 "$hospes" run "${net[@]}" --rm -e A=b -e PATH=/bin -w /srv -u www-data --hostname box debian sh -c 'echo "$A $PATH $(pwd) $(id -un) $(hostname) $HOME"; echo x >/dev/stdout'
contains "b /bin /srv www-data box /var/www"
expect 125 "$hospes" run "${net[@]}" --rm -u nosuchuser debian true
contains nosuchuser
expect 0 "$hospes" run "${net[@]}" --rm debian sh -c 'cat /proc/1/comm /etc/hostname; ls /proc | grep -c "^[0-9]"'
out=$(script -qec "$hospes run --net none -it --rm debian sh -c 'tty; echo \$TERM; exit 5'" /dev/null </dev/null) && fail "terminal: status" || [ $? -eq 5 ] || fail "terminal: status $?"
contains /dev/pts/0

say "folders of the host"
mkdir -p "$work/data"
echo host >"$work/data/file"
expect 0 "$hospes" run "${net[@]}" --rm -v "$work/data:/data" debian sh -c 'cat /data/file; echo guest >/data/new'
contains host
[ "$(cat "$work/data/new")" = guest ] || fail "not written"
mkdir "$work/data/below"
mount -t tmpfs below "$work/data/below"
at_end "umount $work/data/below"
expect 1 "$hospes" run "${net[@]}" --rm -v "$work/data:/data:ro" debian touch /data/x
expect 1 "$hospes" run "${net[@]}" --rm -v "$work/data:/data:ro" debian touch /data/below/x
expect 125 "$hospes" run "${net[@]}" --rm -v /no/such/place:/x debian true
expect 125 "$hospes" run "${net[@]}" --rm -v nonsense debian true

say "what it is kept from"
expect 1 "$hospes" run "${net[@]}" --rm --read-only debian touch /x
expect 1 "$hospes" run "${net[@]}" --rm debian unshare -m true
expect 1 "$hospes" run "${net[@]}" --rm debian unshare -U true
expect 1 "$hospes" run "${net[@]}" --rm --cap-drop CHOWN debian chown 1 /tmp
expect 0 "$hospes" run "${net[@]}" --rm debian chown 1 /tmp
expect 0 "$hospes" run "${net[@]}" --rm --cap-drop ALL debian sh -c 'grep -h Cap /proc/1/status; grep NoNewPrivs /proc/1/status'
contains "CapBnd:	0000000000000000"
contains "NoNewPrivs:	1"
expect 0 "$hospes" run "${net[@]}" --rm --security-opt new-privileges --security-opt seccomp=unconfined debian grep -E 'NoNewPrivs|Seccomp:' /proc/1/status
contains "NoNewPrivs:	0"
contains "Seccomp:	0"
expect 2 "$hospes" run "${net[@]}" --rm debian sh -c 'echo 1 >/proc/sys/kernel/sysrq'
expect 0 "$hospes" run "${net[@]}" --rm debian sh -c 'wc -c </proc/kcore; wc -c </proc/keys'
expect 1 "$hospes" run "${net[@]}" --rm debian sh -c 'mknod /x b 254 0 && cat /x'
expect 125 "$hospes" run "${net[@]}" --rm --cap-add FLY debian true
expect 125 "$hospes" run "${net[@]}" --rm --kernel /x debian true
contains "--vm"
expect 125 "$hospes" run --vm --read-only --rm debian true
contains "is for containers"

# What became the container's process was the runtime, which keeps itself out of reach (oci-escape), not the monitor.
expect 0 "$hospes" run "${net[@]}" --rm --security-opt landlock=off debian /proc/self/exe --version
contains "hospes-oci version"
expect 125 "$hospes" run "${net[@]}" --rm debian /proc/self/exe --version
contains "Permission denied"

say "limits"
expect 137 "$hospes" run "${net[@]}" --name "$tag-full" -m 20M debian sh -c 'a=x; while :; do a=$a$a; done'
"$hospes" inspect "$tag-full" | grep -q '"why": "its command was killed: out of memory"' || fail "nobody tells why: $("$hospes" inspect "$tag-full")"
"$hospes" rm "$tag-full"
expect 0 "$hospes" run "${net[@]}" --rm -m 64M --cpus 0.5 --pids 10 debian sh -c 'cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max /sys/fs/cgroup/pids/pids.max /sys/fs/cgroup/pids.max 2>/dev/null; true'
contains 67108864
contains 10
expect 2 "$hospes" run "${net[@]}" --rm --pids 3 debian sh -c 'for i in 1 2 3 4 5; do sleep 1 & done; wait'

say "the verbs"
guests+=("$tag-web")
expect 0 "$hospes" run "${net[@]}" -d --name "$tag-web" debian sh -c 'trap "echo bye; exit 3" TERM; echo started; while :; do sleep 0.1; done'
expect 125 "$hospes" run "${net[@]}" -d --name "$tag-web" debian true
contains "name taken"
expect 0 "$hospes" ps
contains "$tag-web"
contains container
expect 4 "$hospes" exec "$tag-web" sh -c 'echo "$(id -u) $(cat /proc/1/comm)"; exit 4'
contains "0 sh"
expect 0 "$hospes" exec -u www-data -w /tmp -e X=1 "$tag-web" sh -c 'echo "$(id -un) $(pwd) $X"'
contains "www-data /tmp 1"
expect 127 "$hospes" exec "$tag-web" nonesuch
out=$(echo hi | "$hospes" exec -i "$tag-web" cat)
[ "$out" = hi ] || fail "exec -i: $out"
expect 0 "$hospes" exec -d "$tag-web" touch /detached
sleep 0.5
expect 0 "$hospes" exec "$tag-web" ls /detached
expect 0 "$hospes" logs "$tag-web"
contains started
expect 0 "$hospes" pause "$tag-web"
expect 0 "$hospes" ps
contains paused
expect 125 "$hospes" exec "$tag-web" true
expect 125 "$hospes" pause "$tag-web"
expect 0 "$hospes" resume "$tag-web"
expect 0 "$hospes" inspect "$tag-web"
contains '"kind": "container"'
expect 0 "$hospes" inspect --stats -d 0 "$tag-web"
expect 125 "$hospes" rm "$tag-web"
expect 0 "$hospes" stop "$tag-web"
expect 3 "$hospes" wait "$tag-web"
expect 0 "$hospes" logs "$tag-web"
contains bye
expect 125 "$hospes" stop "$tag-web"
say "it starts again with what it wrote"
expect 0 "$hospes" start "$tag-web"
expect 0 "$hospes" exec "$tag-web" ls /detached
expect 0 "$hospes" kill "$tag-web"
expect 137 "$hospes" wait "$tag-web"
expect 0 "$hospes" rm "$tag-web"
[ ! -e "$root/detached" ] || fail "the image was written to"
expect 125 "$hospes" exec nobody-here true
expect 125 "$hospes" run "${net[@]}" --rm no-such-image true

say "stop: what minds no signal is killed at once, what minds it and does not go when the time is up"
guests+=("$tag-deaf" "$tag-stubborn" "$tag-paused")
expect 0 "$hospes" run "${net[@]}" -d --name "$tag-deaf" debian sleep ${nap}1
start=$SECONDS
expect 0 "$hospes" stop "$tag-deaf"
[ $((SECONDS - start)) -lt 8 ] || fail "took $((SECONDS - start)) s"
expect 0 "$hospes" run "${net[@]}" -d --name "$tag-stubborn" debian sh -c 'trap : TERM; while :; do sleep 0.1; done'
expect 0 "$hospes" stop -t 1 "$tag-stubborn"
expect 137 "$hospes" wait "$tag-stubborn"
expect 0 "$hospes" run "${net[@]}" -d --name "$tag-paused" debian sleep ${nap}1
expect 0 "$hospes" pause "$tag-paused"
expect 0 "$hospes" rm -f "$tag-paused"
expect 0 "$hospes" rm "$tag-deaf" "$tag-stubborn"

say "a foreground run that is told to end"
"$hospes" run "${net[@]}" --rm --name "$tag-fg" debian sleep ${nap}2 &
client=$!
guests+=("$tag-fg")
for _ in $(seq 100); do "$hospes" ps -q | grep -q "$tag-fg" && break; sleep 0.1; done
kill -TERM $client
rc=0; wait $client || rc=$?
[ $rc -eq 143 ] || fail "status $rc instead of 143"
for _ in $(seq 50); do "$hospes" ps -aq | grep -q "$tag-fg" || break; sleep 0.1; done
! "$hospes" ps -aq | grep -q "$tag-fg" || fail "it is still there"

say "a name is free again when who waited for its container is told"
for i in 1 2 3 4 5; do expect $i "$hospes" run "${net[@]}" --rm --name "$tag-again" debian sh -c "exit $i"; done

say "told to end while it begins, at whatever moment"
trap - TERM # which bash would lose between its fork and its exec
for i in $(seq 0 24); do
	"$hospes" run "${net[@]}" --rm debian sleep ${nap}5 &
	client=$!
	sleep "0.00$((i % 5))$((i / 5 * 2))"
	kill -TERM $client
	wait $client || :
done
trap 'exit 130' TERM
for _ in $(seq 50); do [ "$(ours ${nap}5)" -eq 0 ] && break; sleep 0.1; done
[ "$(ours ${nap}5)" -eq 0 ] || fail "processes: $(pgrep -af "sleep ${nap}5")"
[ -z "$(cgroups)" ] || fail "cgroups: $(cgroups)"

say "a monitor that dies takes nothing along that the next command does not find"
guests+=("$tag-dead")
expect 0 "$hospes" run "${net[@]}" -d --name "$tag-dead" debian sleep ${nap}3
kill -KILL "$(cat "$HOSPES_ROOT/run/$tag-dead/pid")"
sleep 0.2
expect 0 "$hospes" ps -a
contains crashed
for _ in $(seq 50); do [ "$(ours ${nap}3)" -eq 0 ] && break; sleep 0.1; done
[ "$(ours ${nap}3)" -eq 0 ] || fail "its process runs on"
expect 0 "$hospes" rm "$tag-dead"

say "networks"
expect 0 "$hospes" run --net user --rm debian sh -c 'ip -o -4 addr show eth0; ip route; cat /etc/resolv.conf'
contains 10.0.2.15
contains "default via 10.0.2.2"
guests+=("$tag-net")
expect 0 "$hospes" run --net user -d --name "$tag-net" -p 127.0.0.1:18471:80 debian perl -MIO::Socket::INET -e '$s = IO::Socket::INET->new(LocalPort => 80, Listen => 5, ReuseAddr => 1) or die; while ($c = $s->accept) { print $c "hello from inside\n"; close $c }'
for _ in $(seq 50); do out=$(timeout 2 bash -c 'exec 3<>/dev/tcp/127.0.0.1/18471; cat <&3' 2>/dev/null) && [ -n "$out" ] && break; sleep 0.2; done
[ "$out" = "hello from inside" ] || fail "the published port does not answer: $out"
expect 125 "$hospes" run --net user --rm -p 127.0.0.1:18471:80 debian true
expect 0 "$hospes" rm -f "$tag-net"
expect 0 "$hospes" run --net host --rm debian ip -o link
contains lo
expect 125 "$hospes" run --net none -p 18472:80 --rm debian true

say "many at once"
pids=()
for i in $(seq 20); do
	"$hospes" run "${net[@]}" --rm debian sh -c "exit $i" &
	pids+=($!)
done
for i in $(seq 20); do
	rc=0; wait "${pids[$((i - 1))]}" || rc=$?
	[ $rc -eq "$i" ] || fail "number $i: status $rc"
done

say "an ordinary user"
uid=$((61000 + $$ % 1000))
home=$(mktemp -d /tmp/hospes-container.XXXXXX)
at_end "rm -rf $home"
mkdir -p "$home/tree"/{bin,etc,tmp}
cp "$(command -v busybox)" "$home/tree/bin/"
for l in sh ls id touch sleep true; do ln -s busybox "$home/tree/bin/$l"; done
printf 'root:x:0:0::/root:/bin/sh\nweb:x:33:33::/:/bin/sh\n' >"$home/tree/etc/passwd"
cp "$hospes" "$home/hospes"
chown -R $uid:$uid "$home"
chmod 755 "$home"
as() { setpriv --reuid=$uid --regid=$uid --clear-groups env -i PATH=/usr/bin:/bin HOME="$home" HOSPES_ROOT="$home/root" "$@"; }
expect 0 as "$home/hospes" image import "$home/tree" --name tiny
expect 0 as "$home/hospes" run --net none --rm tiny sh -c 'id; touch /x && ls -l /x'
contains "uid=0(root)"
# Here is no hospes-oci beside it: the program does that one's work by itself.
expect 9 as "$home/hospes" run --net none --rm tiny sh -c 'exit 9'
expect 0 as "$home/hospes" run --net host -d --name one tiny sleep ${nap}4
expect 0 as "$home/hospes" exec one touch /y
expect 0 as "$home/hospes" stop one
expect 0 as "$home/hospes" start one
expect 0 as "$home/hospes" exec one ls /y
kill -KILL "$(cat "$home/root/run/one/pid")"
sleep 0.2
expect 0 as "$home/hospes" rm -f one
for _ in $(seq 50); do [ "$(ours ${nap}4)" -eq 0 ] && break; sleep 0.1; done
[ "$(ours ${nap}4)" -eq 0 ] || fail "a process of the user's container runs on"
expect 125 as "$home/hospes" run --net none --rm -u web tiny true
contains "one user"
expect 125 as "$home/hospes" run --net none --rm -m 64M tiny true
[ -z "$(ls "$home/root/data/guests")" ] || fail "guests of the user: $(ls "$home/root/data/guests")"

say "nothing is left"
[ -z "$(cgroups)" ] || fail "cgroups: $(cgroups)"
[ "$(mounts)" -le $((mounts_before + 1)) ] || fail "mounts: $(grep "$assets" /proc/self/mountinfo)"
[ -z "$("$hospes" ps -aq | grep "^$tag" || :)" ] || fail "guests: $("$hospes" ps -aq)"
[ -z "$(find "$HOSPES_ROOT/run/.containers" -mindepth 1 -maxdepth 1 ! -name '.*')" ] || fail "states: $(ls "$HOSPES_ROOT/run/.containers")"
[ "$(ours "$nap")" -eq 0 ] || fail "processes: $(pgrep -af "sleep $nap")"
