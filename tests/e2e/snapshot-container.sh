#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# limit: 600
# Snapshots of containers: every kind of change as a layer that hospes and Podman unpack to the same files; one moment of
# a container that writes all the time; the way back; what fails leaves nothing.
. "$(dirname "$0")/lib.sh"
[ "$(id -u)" -eq 0 ] || { echo "needs root"; exit 77; }
home=/tmp/hospes-snapshot.$$ # in small letters, as Podman has it
mkdir "$home"
at_end 'HOSPES_ROOT=$home/small/root "$hospes" rm -f "$tag-f" >/dev/null 2>&1; umount "$home/small" 2>/dev/null'
at_end 'for g in ${guests[@]+"${guests[@]}"}; do "$hospes" rm -f "$g" >/dev/null 2>&1; done; guests=(); rm -rf "$home"'
chmod 755 "$home"
export HOSPES_ROOT=$home/root
data=$HOSPES_ROOT/data
net=(--net none)
tag=s$$
storage=(--root "$home/st" --runroot "$home/run" --storage-driver vfs --cgroup-manager cgroupfs)
# Where something of the host was mounted is an empty folder.
at_end 'find /sys/fs/cgroup -depth -path "*/libpod_parent*" -type d -exec rmdir {} + 2>/dev/null'
files() { python3 "$top/tests/e2e/files.py" --links "$1" | grep -av '^scripts '; }
init_root() { echo "/proc/$("$hospes" inspect "$1" | sed -n 's/.*"init": \([0-9]*\).*/\1/p')/root"; }
same() { diff "$1" "$2" >"$home/diff" || { cat "$home/diff"; fail "other files"; }; }
# settled: what a snapshot needs for itself is gone.
settled() {
	out=$(find "$data" \( -name '.tmp-*' -o -name copy -o -name changes -o -name restore \) -prune -print)
	[ -z "$out" ] || fail "left behind: $out"
}
blobs() { find "$data/blobs" -type f | sort; }
one_line() { [ "$(printf '%s\n' "$out" | grep -vc '^[a-z ]* \.\.\.$')" -eq 1 ] || fail "not one line: $out"; }
# layout REF FOLDER: the image as any program reads it.
layout() {
	mkdir "$2"
	cp -r "$data/blobs" "$2/blobs"
	echo '{"imageLayoutVersion": "1.0.0"}' >"$2/oci-layout"
	"$hospes" image inspect "$1" | python3 -c '
import json, os, sys
d = json.load(sys.stdin)[0]["manifest"]
p = os.path.join(sys.argv[1], "blobs/sha256", d.split(":")[1])
m = {"mediaType": json.load(open(p))["mediaType"], "digest": d, "size": os.path.getsize(p)}
json.dump({"schemaVersion": 2, "manifests": [m]}, open(sys.argv[1] + "/index.json", "w"))' "$2"
}

say "an image of folders"
t=$home/tree
mkdir -p "$t"/{bin,etc,opt/a/b,opt/gone/deep,opt/swap,usr/lib,var/lib}
mkdir -m 1777 "$t/tmp"
cp "$(command -v busybox)" "$t/bin/busybox"
for l in sh ls cat id true echo touch sleep grep rm mkdir mv ln chmod chown mkfifo mknod kill cp; do ln -s busybox "$t/bin/$l"; done
printf 'root:x:0:0::/root:/bin/sh\nweb:x:33:33::/srv:/bin/sh\n' >"$t/etc/passwd"
echo one >"$t/opt/a/file"
echo low >"$t/opt/a/b/low"
echo x >"$t/opt/gone/deep/x"
echo swap >"$t/opt/swap/file"
echo keep >"$t/var/lib/keep"
expect 0 "$hospes" image import "$t" --name tiny

say "every kind of change"
mkdir "$home/scripts"
cat >"$home/scripts/change.sh" <<'END'
cd /opt
rm a/file; rm -r gone a/b swap
mkdir a/b; echo again >a/b/again
echo file-now >swap
mkdir -p new/deep; echo text >new/deep/text; ln new/deep/text new/same; ln -s deep/text new/link
mkfifo new/fifo; mknod new/null c 1 3
cp /bin/busybox new/suid; chmod 4711 new/suid; chown 33:44 new/suid new/deep
chmod 700 /var/lib; chmod 0 new/deep/text
: >"new/$(printf 'odd\nname \377')"
: >new/0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789
END
guests+=("$tag-a")
expect 0 "$hospes" run "${net[@]}" -d --name "$tag-a" -e WHAT=kept -w /opt -v "$home/scripts:/scripts:ro" tiny sh -c 'echo started >>/opt/starts; while :; do /bin/sleep 1000; done'
expect 0 "$hospes" exec "$tag-a" sh -ec '. /scripts/change.sh'
root=$(init_root "$tag-a")
truncate -s 20M "$root/opt/new/holes"
echo end >>"$root/opt/new/holes"
setcap cap_net_raw+ep "$root/opt/new/suid"
python3 -c 'import os, sys; os.setxattr(sys.argv[1], "user.color", b"blue"); os.setxattr(sys.argv[2], "user.x", b"\0" * 300)' "$root/opt/new/same" "$root/opt/new"
touch -d @1000000000.25 "$root/opt/new/same"
files "$root" >"$home/want"
grep -q '^opt/new/deep/text .* = opt/new/same' "$home/want" || fail "the list tells no links"
expect 0 "$hospes" snapshot "$tag-a" -m 'all kinds' --author me --json
contains '"ref": "'"$tag-a:1"'"'
contains '"pause_ns"'
expect 0 "$hospes" inspect "$tag-a"
contains '"running"'
settled
expect 0 "$hospes" image inspect "$tag-a:1"
contains "snapshot of $tag-a"
contains WHAT=kept
guests+=("$tag-b")
expect 0 "$hospes" run "${net[@]}" -d --name "$tag-b" --entrypoint /bin/sleep "$tag-a:1" 1000
files "$(init_root "$tag-b")" >"$home/got"
same "$home/want" "$home/got"
expect 0 "$hospes" rm -f "$tag-b"

say "the same image elsewhere"
layout "$tag-a:1" "$home/layout"
expect 0 skopeo inspect --config "oci:$home/layout"
contains 'all kinds'
expect 0 podman "${storage[@]}" pull -q "oci:$home/layout"
id=$(printf '%s\n' "$out" | tail -1)
at=$(podman "${storage[@]}" image mount "$id")
files "$at" >"$home/got"
podman "${storage[@]}" image unmount "$id" >/dev/null
same "$home/want" "$home/got"
expect 0 podman "${storage[@]}" --runtime "$top/build/hospes-oci" run --rm --ulimit nofile=1024:1024 --ulimit nproc=1000:1000 --network none --entrypoint '["/bin/sh", "-c"]' "$id" 'echo $WHAT; cat /opt/a/b/again'
contains kept
contains again

say "a moment of one that writes all the time"
guests+=("$tag-w")
expect 0 "$hospes" run "${net[@]}" -d --name "$tag-w" tiny sh -c 'mkdir /n; i=0; while :; do i=$((i + 1)); echo $i >/n/t; mv /n/t /n/a; echo $i >/n/t; mv /n/t /n/b; done'
until "$hospes" exec "$tag-w" cat /n/b >/dev/null 2>&1; do :; done
for n in 1 2 3; do
	expect 0 "$hospes" snapshot "$tag-w"
	expect 0 "$hospes" run "${net[@]}" --rm --entrypoint /bin/sh "$tag-w:$n" -c 'cat /n/a /n/b'
	# The first rename of a round may be in, its second not yet.
	a=$(sed -n 1p <<<"$out") b=$(sed -n 2p <<<"$out")
	[ "$a" -eq "$b" ] || [ "$a" -eq $((b + 1)) ] || fail "no moment: $a, $b"
done
expect 0 "$hospes" pause "$tag-w"
expect 0 "$hospes" snapshot "$tag-w"
expect 0 "$hospes" inspect "$tag-w"
contains '"paused"'
expect 0 "$hospes" resume "$tag-w"
expect 0 "$hospes" rm -f "$tag-w"

say "back, and forth"
expect 0 "$hospes" exec "$tag-a" sh -c 'rm -r /opt/new; echo later >/opt/later'
expect 0 "$hospes" snapshot "$tag-a" "$tag-a:later"
expect 0 "$hospes" restore "$tag-a" "$tag-a:1"
files "$(init_root "$tag-a")" | grep -av '^opt \|^opt/starts ' >"$home/got"
grep -av '^opt \|^opt/starts ' "$home/want" >"$home/want.started"
same "$home/want.started" "$home/got"
expect 0 "$hospes" exec "$tag-a" sh -c 'cat /opt/starts; echo $WHAT; ls /opt'
[ "$(grep -c started <<<"$out")" -eq 2 ] || fail "its command has not begun anew"
expect 1 "$hospes" exec "$tag-a" cat /opt/later
expect 125 "$hospes" image rm "$tag-a:1"
expect 0 "$hospes" stop -t 1 "$tag-a"
expect 0 "$hospes" restore "$tag-a" "$tag-a:later"
expect 0 "$hospes" snapshot "$tag-a" "$tag-a:stopped"
expect 0 "$hospes" run "${net[@]}" --rm --entrypoint /bin/sh "$tag-a:stopped" -c 'cat /opt/later; ls /opt'
contains later
case $out in *new*) fail "the first snapshot is in the second" ;; esac
expect 0 "$hospes" start "$tag-a"
expect 0 "$hospes" exec "$tag-a" cat /opt/later
contains later
expect 0 "$hospes" restore "$tag-a" tiny
expect 0 "$hospes" exec "$tag-a" cat /opt/a/file
contains one
expect 1 "$hospes" exec "$tag-a" cat /opt/later
settled

say "mistakes"
before=$(blobs)
expect 125 "$hospes" snapshot "$tag-none"
one_line
expect 125 "$hospes" snapshot "$tag-a" "$tag-a:1"
one_line
expect 125 "$hospes" snapshot "$tag-a" '../x'
one_line
expect 125 "$hospes" snapshot "$tag-a" "$tag-a:x" -m "$(printf '\377')"
one_line
expect 125 "$hospes" restore "$tag-a" "$tag-a:none"
one_line
expect 125 "$hospes" restore "$tag-none" "$tag-a:1"
one_line
mkdir -p "$home/other"/{bin,etc}
cp "$(command -v busybox)" "$home/other/bin/sleep"
expect 0 "$hospes" image import "$home/other" --name other
expect 125 "$hospes" restore "$tag-a" other
one_line
contains "no snapshot of guest"
expect 0 "$hospes" exec "$tag-a" cat /opt/a/file
[ "$(blobs)" = "$before" ] || fail "blobs stay behind"
settled

say "a client that is killed, by force or not: nothing of it stays, and the container goes on"
head -c 40000000 /dev/urandom >"$(init_root "$tag-a")/opt/big"
for how in TERM KILL; do
	"$hospes" snapshot "$tag-a" "$tag-a:killed" >/dev/null 2>&1 &
	pid=$!
	while kill -0 $pid 2>/dev/null && ! [ -e "$data/guests/$tag-a/copy" ]; do :; done
	kill -$how $pid 2>/dev/null || :
	rc=0
	wait $pid || rc=$?
	expect 0 "$hospes" exec "$tag-a" true
	expect 0 "$hospes" image ls --json
	# Who was faster is not told beforehand; but it is all or nothing.
	case $rc:$out in
	0:*"$tag-a:killed"*) expect 0 "$hospes" image rm "$tag-a:killed" ;;
	0:* | *"$tag-a:killed"*) fail "neither done nor undone: $rc" ;;
	esac
done
expect 0 "$hospes" snapshot "$tag-a" "$tag-a:after"
settled
expect 0 "$hospes" rm -f "$tag-a"

say "a full disk"
small=$home/small
mkdir "$small"
mount -t tmpfs -o size=64M small "$small"
export HOSPES_ROOT=$small/root
data=$HOSPES_ROOT/data
expect 0 "$hospes" image import "$t" --name tiny
expect 0 "$hospes" run "${net[@]}" -d --name "$tag-f" tiny /bin/sleep 1000
head -c 36000000 /dev/urandom >"$(init_root "$tag-f")/tmp/big"
expect 125 "$hospes" snapshot "$tag-f"
one_line
contains "No space left"
settled
expect 0 "$hospes" exec "$tag-f" rm /tmp/big
expect 0 "$hospes" snapshot "$tag-f"
expect 0 "$hospes" rm -f "$tag-f"
echo OK
