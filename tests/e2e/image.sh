#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# limit: 900
# Images: built from Debian packages (as root and as an ordinary user), imported from all formats, listed, removed; and
# whatever goes wrong or is interrupted leaves nothing behind.
. "$(dirname "$0")/lib.sh"
export HOSPES_ROOT=$work/root
images=$HOSPES_ROOT/data/images
home=$(mktemp -d /tmp/hospes-image.XXXXXX)
export TMPDIR=$home/tmp
mkdir "$TMPDIR"
at_end 'rm -rf "$home"'

# Only these images are there, no temporary folder, no program and no mount of ours.
only() {
	local there
	there=$(cd "$images" && find . -mindepth 1 -maxdepth 1 ! -name '.l*' | sed 's,^\./,,' | sort | tr '\n' ' ')
	[ "$there" = "$*${*:+ }" ] || fail "images: \"$there\" instead of \"$*\""
	there=$(find "$TMPDIR" -mindepth 1 -maxdepth 1)
	[ -z "$there" ] || fail "left in TMPDIR: $there"
	! grep -q "$home" /proc/self/mountinfo || fail "left mounted: $(grep "$home" /proc/self/mountinfo)"
	! pgrep -f "$home" >/dev/null || fail "left running: $(pgrep -af "$home")"
}
one_line() { [ "$(printf '%s\n' "$out" | wc -l)" -eq 1 ] || fail "not one line: $out"; }

say "nothing there yet"
expect 0 "$hospes" image ls
mkdir -p "$images"

say "imports: folder, tar, compressed tar, raw, compressed raw, partitioned, qcow2"
mkdir -p "$work/tree"/{bin,boot,etc,lib/modules/6.1.0-test}
cp "$(command -v busybox)" "$work/tree/bin/busybox"
ln -s busybox "$work/tree/bin/sh"
echo modules >"$work/tree/lib/modules/6.1.0-test/modules.dep"
echo kernel >"$work/tree/boot/vmlinuz-6.1.0-test"
(
	cd "$work"
	tar -C tree -cf plain.tar .
	tar -C tree --zstd -cf packed.tar.zst .
	mke2fs -q -t ext4 -d tree disk.raw 64M
	xz -1 -k disk.raw
	qemu-img convert -O qcow2 disk.raw disk.qcow2
)
for f in tree plain.tar packed.tar.zst disk.raw; do
	expect 0 "$hospes" image import "$work/$f"
done
expect 0 "$hospes" image import "$work/disk.raw.xz" --name from-xz
expect 0 "$hospes" image import "$work/disk.qcow2" --name from-qcow2
expect 0 "$hospes" image ls --json
for n in tree plain packed disk from-xz from-qcow2; do
	contains "\"$n\""
	[ "$(cat "$images/$n/modules/modules.dep" "$images/$n/vmlinuz")" = "modules
kernel" ] || fail "$n: kernel and modules were not taken from the root"
	e2fsck -fn "$images/$n/disk.raw" >/dev/null 2>&1 || fail "$n: fsck finds faults"
	[ "$(stat -c %b "$images/$n/disk.raw")" -lt 40000 ] || fail "$n: the disk is not sparse"
done
only disk from-qcow2 from-xz packed plain tree

say "names that are taken, unknown or none"
expect 125 "$hospes" image import "$work/tree"
one_line
contains "exists already"
expect 125 "$hospes" image import "$work/tree" --name ../x
one_line
for n in disk from-qcow2 from-xz packed plain tree; do expect 0 "$hospes" image rm $n; done
expect 125 "$hospes" image rm tree
one_line
contains "no image called tree"

say "what cannot be an image"
head -c 20000000 "$work/disk.raw" >"$work/short.raw"
head -c 300000 "$work/packed.tar.zst" >"$work/short.tar.zst"
head -c 1000000 /dev/urandom >"$work/noise"
cp -r "$work/tree" "$work/foreign"
printf '\267\000' | dd of="$work/foreign/bin/busybox" bs=1 seek=18 conv=notrunc status=none # e_machine: arm64
for f in "$work"/{short.raw,short.tar.zst,noise,foreign,nowhere} /dev/null; do
	expect 125 "$hospes" image import "$f" --name bad
	one_line
	only
done

say "Debian, from packages"
start=$SECONDS
expect 0 "$hospes" image build debian --name small
echo "took $((SECONDS - start)) s"
only small
e2fsck -fn "$images/small/disk.raw" || fail "fsck finds faults"
at() { debugfs -R "cat $1" "$images/small/disk.raw" 2>/dev/null; }
[ -z "$(at /etc/machine-id)" ] || fail "machine-id is not empty"
at /usr/lib/os-release | grep -q '^ID=debian' || fail "not a Debian"
at /etc/apt/sources.list | grep -q '^deb ' || fail "no package sources"
version=$(sed -n 's/.*"kernel_version": "\(.*\)".*/\1/p' "$images/small/image.json")
at "/lib/modules/$version/modules.dep" | cmp - "$images/small/modules/modules.dep" || fail "modules differ inside and outside"
has() { debugfs -R "stat $1" "$images/small/disk.raw" 2>/dev/null | grep -q 'Type: '; }
for f in /bin/sh /bin/bash /usr/bin/apt-get /sbin/modprobe /bin/ip /bin/ps; do has $f || fail "no $f in it"; done

say "packages and suites that are not there, two builds of one name"
expect 125 "$hospes" image build debian --name bad --include no-such-package
contains "no-such-package"
only small
expect 125 "$hospes" image build debian --name bad --suite nosuite
only small
"$hospes" image build debian --name twice >/dev/null 2>&1 &
first=$!
for _ in $(seq 100); do [ -e "$images/.tmp-twice" ] && break; sleep 0.1; done
expect 125 "$hospes" image build debian --name twice
contains "being made by another process"

say "interrupted early and late: SIGTERM, SIGKILL"
kill -TERM $first
rc=0; wait $first || rc=$?
[ $rc -eq 143 ] || fail "status $rc instead of 143"
only small
for after in 'I: extracting archives' 'I: installing essential packages'; do
	"$hospes" image build debian --name cut >/dev/null 2>&1 &
	victim=$!
	for _ in $(seq 600); do grep -q "$after" "$images/.log-cut" 2>/dev/null && break; sleep 0.1; done
	sleep 0.5
	kill -TERM $victim
	wait $victim || :
	only small
done
"$hospes" image build debian --name cut >/dev/null 2>&1 &
victim=$!
for _ in $(seq 600); do grep -q "$after" "$images/.log-cut" 2>/dev/null && break; sleep 0.1; done
kill -KILL $victim
wait $victim 2>/dev/null || :
flock -w 60 "$images/.tmp-cut/lock" true || fail "what a killed build started is still running"
expect 0 "$hospes" image import "$work/tree" --name sweeper
only small sweeper

[ "$(id -u)" -eq 0 ] || exit 0
say "no space left"
head -c 30000000 /dev/urandom >"$work/tree/noise"
tar -C "$work/tree" -cf "$work/large.tar" .
mkdir "$work/full"
# shellcheck disable=SC2016
expect 125 unshare -m sh -c 'mount -t tmpfs -o size=20m tmpfs "$2/full"; HOSPES_ROOT=$2/full "$1" image import "$2/large.tar"
	rc=$?; find "$2/full/data/images" -mindepth 1 ! -name ".l*"; exit $rc' - "$hospes" "$work"
contains "No space left on device"
one_line

say "an ordinary user"
uid=$((61000 + $$ % 1000))
mkdir -m 700 "$home/own"
cp "$hospes" "$home/hospes"
chmod 755 "$home"
chown $uid:$uid "$home/own" "$TMPDIR"
(cat /etc/passwd; echo "t-hospes:x:$uid:$uid::$home/own:/bin/sh") >"$home/passwd"
echo "t-hospes:$((uid * 65536 % 1000000000 + 1000000000)):65536" >"$home/subids"
: >"$home/nobody"
as() { # IDS COMMAND...: as the user, who has these subordinate ids, in a private view of /etc
	local ids=$1
	shift
	# shellcheck disable=SC2016
	unshare -m sh -c 'mount --bind "$1/passwd" /etc/passwd; mount --bind "$1/$2" /etc/subuid; mount --bind "$1/$2" /etc/subgid; home=$1 uid=$3
		shift 3; exec setpriv --reuid="$uid" --regid="$uid" --clear-groups env -i PATH=/usr/bin:/bin HOME="$home/own" TMPDIR="$home/tmp" "$@"' \
		- "$home" "$ids" $uid "$@"
}
expect 125 as nobody "$home/hospes" image build debian
contains "subuid"
expect 0 as subids "$home/hospes" image build debian
images=$home/own/.local/share/hospes/images
e2fsck -fn "$images/debian/disk.raw" >/dev/null || fail "fsck finds faults"
[ "$(stat -c %u "$images/debian/disk.raw")" -eq $uid ] || fail "the image is not the user's"
debugfs -R 'stat /usr/bin/passwd' "$images/debian/disk.raw" 2>/dev/null | grep -q 'Mode:  04755' || fail "set-uid is lost"
debugfs -R 'stat /usr/bin/passwd' "$images/debian/disk.raw" 2>/dev/null | grep -q 'User:     0 ' || fail "root's files are not root's"
