#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# limit: 300
# Containers by `hospes run` of an ordinary user who has ranges of user ids: other users in them, and what those wrote
# goes with the container.
. "$(dirname "$0")/lib.sh"
command -v newuidmap >/dev/null || { echo "newuidmap (package uidmap) is missing"; exit 77; }
[ "$(id -u)" -eq 0 ] || { echo "needs root, to make the user"; exit 77; }
user=hospes-run-test
id $user >/dev/null 2>&1 || { useradd --no-create-home --home-dir /nonexistent --shell /bin/sh $user; at_end "userdel $user >/dev/null 2>&1"; }
uid=$(id -u $user) gid=$(id -g $user)
first=$(awk -F: -v u=$user '$1 == u { print $2 }' /etc/subuid)
[ -n "$first" ] || { echo "useradd gives no ranges here"; exit 77; }
there=$(mktemp -d /tmp/hospes-user.XXXXXX)
at_end "rm -rf $there"
mkdir -p "$there/tree"/{bin,etc,tmp,data}
cp "$(command -v busybox)" "$there/tree/bin/"
for l in sh ls id touch sleep true cat mkdir stat kill; do ln -s busybox "$there/tree/bin/$l"; done
chmod 1777 "$there/tree/tmp"
printf 'root:x:0:0::/root:/bin/sh\nweb:x:33:33::/:/bin/sh\n' >"$there/tree/etc/passwd"
printf 'root:x:0:\nweb:x:33:\nmore:x:77:web\n' >"$there/tree/etc/group"
cp "$hospes" "$top/build/hospes-oci" "$there/"
mkdir "$there/host"
chown -R "$uid:$gid" "$there"
chmod 755 "$there"
as() { setpriv --reuid="$uid" --regid="$gid" --clear-groups env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME="$there" HOSPES_ROOT="$there/root" timeout 60 "$there/hospes" "$@"; }
box() { as run --net none --rm "$@"; }
expect 0 as image import "$there/tree" --name tiny

say "users"
expect 0 box tiny sh -c 'id; cat /proc/self/uid_map'
contains "uid=0(root)"
contains 65536
expect 0 box -u web tiny sh -c 'id; touch /tmp/x; stat -c %u:%g /tmp/x'
contains "uid=33(web)"
contains "77(more)"
contains 33:33
expect 0 box -u 1234:1235 tiny id
contains "uid=1234 gid=1235"
expect 0 box --group-add 99 tiny id
contains 99
expect 125 box -u 4000000 tiny true
contains "numbers below"
expect 0 box -v "$there/host:/data" -u 0 tiny sh -c 'touch /data/mine; mkdir -p /data/sub'
[ "$(stat -c %u "$there/host/mine")" = "$uid" ] || fail "root inside is not the user outside"
expect 0 box -t tiny true
expect 0 box --device /dev/null:/dev/nothing --tmpfs /scratch --ulimit nofile=100 --shm-size 1M --hostname box tiny sh -c 'cat /dev/nothing; touch /scratch/x; hostname 2>/dev/null; :'
expect 0 box --privileged tiny id
expect 0 box --uts host --ipc host tiny id
expect 125 box --pid host tiny id
[ "$(wc -l <<<"$out")" -eq 1 ] || fail "more than one line"
contains "no --pid host"
for o in "-m 64M" "--cpus 1" "--pids 5" "--cpuset-cpus 0"; do
	# shellcheck disable=SC2086
	expect 125 box $o tiny true
	[ "$(wc -l <<<"$out")" -eq 1 ] || fail "more than one line"
done

say "the verbs"
guests=()
expect 0 as run --net none -d --name one -u web --init --restart on-failure:1 tiny sh -c 'echo hi; sleep 7321'
expect 0 as exec one sh -c 'id -u; touch /tmp/y'
[ "$out" = 33 ] || fail "exec as $out"
expect 0 as exec -u root one sh -c 'id -u; mkdir /tmp/d; touch /tmp/d/z'
expect 0 as exec -u 55 one sh -c 'mkdir /tmp/their; touch /tmp/their/file'
expect 0 as logs one
contains hi
expect 0 as update --mount "$there/host:/mnt:ro" one
expect 0 as exec one ls /mnt/mine
expect 1 as exec -u root one touch /mnt/mine2
expect 0 as update --unmount /mnt one
expect 125 as update --memory 64M one
[ "$(wc -l <<<"$out")" -eq 1 ] || fail "more than one line"
expect 125 as pause one
expect 0 as stop one
expect 0 as start one
expect 0 as exec one ls /tmp/y
expect 0 as kill one
owner=$(stat -c %u "$(find "$there/root/data/guests/one" -name y -path '*tmp*' | head -1)")
[ "$owner" -ge "$first" ] || fail "written by $owner"
expect 0 as rm one
[ -z "$(ls "$there/root/data/guests")" ] || fail "guests: $(ls "$there/root/data/guests")"
[ "$(pgrep -fc 'sleep 7321' || :)" -eq 0 ] || fail "processes: $(pgrep -af 'sleep 7321')"

say "without the helpers there is one user"
mkdir "$there/bin"
as_poor() { setpriv --reuid="$uid" --regid="$gid" --clear-groups env -i PATH="$there/bin" HOME="$there" HOSPES_ROOT="$there/root" "$there/hospes" "$@"; }
expect 0 as_poor run --net none --rm tiny sh -c 'id; cat /proc/self/uid_map'
contains "uid=0(root)"
expect 125 as_poor run --net none --rm -u web tiny true
contains "one user"
