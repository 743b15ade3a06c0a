#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# limit: 300
# Snapshots of an ordinary user's containers: the layer has the owners that the container sees, though the user may not
# read all of these files; the way back; nothing stays behind that only another user could remove.
. "$(dirname "$0")/lib.sh"
command -v newuidmap >/dev/null || { echo "newuidmap (package uidmap) is missing"; exit 77; }
[ "$(id -u)" -eq 0 ] || { echo "needs root, to make the user"; exit 77; }
user=hospes-snap-test
at_end 'as rm -f a >/dev/null 2>&1' # before the user goes
id $user >/dev/null 2>&1 || { useradd --no-create-home --home-dir /nonexistent --shell /bin/sh $user; at_end "userdel $user >/dev/null 2>&1"; }
uid=$(id -u $user) gid=$(id -g $user)
[ -n "$(awk -F: -v u=$user '$1 == u { print $2 }' /etc/subuid)" ] || { echo "useradd gives no ranges here"; exit 77; }
there=$(mktemp -d /tmp/hospes-user.XXXXXX)
at_end 'rm -rf "$there"'
mkdir -p "$there/tree"/{bin,etc,tmp,opt/gone}
cp "$(command -v busybox)" "$there/tree/bin/"
for l in sh ls id touch sleep true cat mkdir stat rm chown chmod ln; do ln -s busybox "$there/tree/bin/$l"; done
chmod 1777 "$there/tree/tmp"
echo x >"$there/tree/opt/gone/x"
printf 'root:x:0:0::/root:/bin/sh\nweb:x:33:33::/:/bin/sh\n' >"$there/tree/etc/passwd"
cp "$hospes" "$top/build/hospes-oci" "$there/"
chown -R "$uid:$gid" "$there"
chmod 755 "$there"
as() { setpriv --reuid="$uid" --regid="$gid" --clear-groups env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME="$there" HOSPES_ROOT="$there/root" timeout 60 "$there/hospes" "$@"; }
settled() {
	out=$(find "$there/root/data" \( -name '.tmp-*' -o -name copy -o -name restore \) -prune -print)
	[ -z "$out" ] || fail "left behind: $out"
}
expect 0 as image import "$there/tree" --name tiny

say "a stopped one"
expect 0 as run --net none -d --name a tiny sh -ec 'if [ -e /opt/gone ]; then mkdir -m 700 /opt/web; echo theirs >/opt/web/file
	ln /opt/web/file /opt/web/same; chmod 600 /opt/web/file; chown -R 33:44 /opt/web; chown 1000:1000 /tmp; rm -r /opt/gone
	fi; while :; do sleep 1000; done'
until as exec a sh -c '[ ! -e /opt/gone ]' 2>/dev/null; do :; done
expect 0 as stop -t 1 a
expect 0 as snapshot a
settled
blob=$(as image inspect a:1 | sed -n 's/.*"blob": "sha256:\(.*\)".*/\1/p' | tail -1)
expect 0 tar --numeric-owner -tvzf "$there/root/data/blobs/sha256/$blob"
grep -q '^drwx------ 33/44 .* opt/web/$' <<<"$out" || fail "the folder's owner"
grep -q '^-rw------- 33/44 .* opt/web/file$' <<<"$out" || fail "the file's owner"
grep -q '^h.* opt/web/same link to opt/web/file$' <<<"$out" || fail "its other name"
grep -q ' 1000/1000 .* tmp/$' <<<"$out" || fail "the owner of a folder of the image"
grep -q ' opt/.wh.gone$' <<<"$out" || fail "what was removed"
# docs/images.md: an ordinary user's images have one owner.
look='stat -c "%n %u:%g %a %h" /opt/web /opt/web/file /tmp; ls /opt; cat /opt/web/file'
expect 0 as run --net none --rm a:1 sh -c "$look"
contains "/opt/web 0:0 700"
contains "/opt/web/file 0:0 600 2"
contains theirs
case $out in *gone*) fail "what was removed is back" ;; esac

say "one that runs: where nothing can make it stand still, that is told"
expect 0 as start a
rc=0
out=$(as snapshot a 2>&1) || rc=$?
printf '%s\n' "$out"
case $rc:$out in
0:*) ;;
125:*cgroup* | 125:*freez*) [ "$(printf '%s\n' "$out" | grep -vc '^[a-z ]* \.\.\.$')" -eq 1 ] || fail "not one line" ;;
*) fail "neither done nor told why not" ;;
esac
settled
expect 0 as exec a true

say "back"
expect 0 as exec a sh -c 'rm -r /opt/web; echo x >/later'
expect 0 as restore a a:1
expect 0 as exec a sh -c "$look"
contains "/opt/web/file 0:0 600 2"
expect 1 as exec a cat /later
expect 0 as rm -f a
settled
for i in $(as image ls --json | sed -n 's/.*"name": "\(.*\)".*/\1/p'); do expect 0 as image rm "$i"; done
out=$(find "$there/root/data" -type f ! -name '.*')
[ -z "$out" ] || fail "left behind: $out"
echo OK
