#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# limit: 600
# A real Debian on virtual hardware: streams and exit status, what it was given, disk, shutdown, file system.
. "$(dirname "$0")/lib.sh"
need_image
guests+=(t-debian)

say "streams, arguments and exit status pass through"
expect 7 "$hospes" run --vm --rm debian sh -c 'echo to-stdout; echo to-stderr >&2; exit 7'
contains to-stdout
contains to-stderr
[ "$(printf 'a\0b\377' | "$hospes" run --vm --rm -i debian sha256sum)" = "$(printf 'a\0b\377' | sha256sum)" ] || fail "stdin arrived changed"

say "the guest sees what it was given"
expect 0 "$hospes" run --vm -d --name t-debian --cpus 2 --memory 512M --disk 5G debian
expect 0 "$hospes" exec t-debian sh -c 'echo "cpus $(nproc)"; echo "sectors $(cat /sys/block/vda/size)"; awk "/MemTotal/ { print int(\$2 / 1024) }" /proc/meminfo; df -BG / | tail -1'
contains "cpus 2"
contains "sectors 10485760"

say "1 GiB written is 1 GiB read"
expect 0 "$hospes" exec t-debian sh -ec '
	openssl enc -aes-128-ctr -pass pass:seed -nosalt -md sha256 </dev/zero 2>/dev/null | head -c 1073741824 >/big
	want=$(openssl enc -aes-128-ctr -pass pass:seed -nosalt -md sha256 </dev/zero 2>/dev/null | head -c 1073741824 | sha256sum)
	sync; echo 3 >/proc/sys/vm/drop_caches
	[ "$(sha256sum </big)" = "$want" ] && echo VERIFIED; rm /big'
contains VERIFIED

say "a file written before stop is there after start, and the file system is clean"
expect 0 "$hospes" exec t-debian sh -c 'echo kept >/root/kept; for i in $(seq 200); do echo $i >/root/f$i; done'
expect 0 "$hospes" stop t-debian
expect 0 "$hospes" start t-debian
expect 0 "$hospes" exec t-debian sh -c 'cat /root/kept; dmesg | grep -iE "EXT4-fs.*(error|recovery|orphan)" || echo CLEAN'
contains kept
contains CLEAN
expect 0 "$hospes" stop t-debian
expect 0 "$top/build/tests/tool/layer" "$HOSPES_ROOT/data/images/debian/disk.raw" "$HOSPES_ROOT/data/guests/t-debian/disk" "$work/seen.raw"
expect 0 /sbin/e2fsck -fn "$work/seen.raw"
expect 0 "$hospes" rm t-debian
