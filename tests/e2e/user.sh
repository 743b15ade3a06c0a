#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# limit: 400
# An ordinary user needs no root: machines with user-mode network, images imported and listed, own state only.
. "$(dirname "$0")/lib.sh"
[ "$(id -u)" -eq 0 ] || { echo "only root can become another user"; exit 77; }
need_kernel
need_image
uid=$((61000 + $$ % 1000))
home=$(mktemp -d /tmp/hospes-user.XXXXXX)
at_end 'as hospes rm -f mine >/dev/null 2>&1; rm -rf "$home"'
mkdir -m 700 "$home/run" "$home/bin"
cp "$hospes" "$home/bin/hospes"
cp "$kernel" "$home/vmlinuz"
cp "$HOSPES_ROOT/data/images/debian/disk.raw" "$home/debian.raw"
need_initrd "$home/i.gz" 'echo "UID-0-INSIDE $(id -u)"; poweroff -f'
chown -R $uid:$uid "$home"
as() {
	setpriv --reuid=$uid --regid=$uid --clear-groups --no-new-privs env -i PATH="$home/bin:/usr/bin:/bin:/usr/sbin:/sbin" HOME="$home" \
		XDG_RUNTIME_DIR="$home/run" XDG_DATA_HOME="$home/data" "$@"
}

say "a bare kernel"
expect 0 as timeout 120 hospes run --vm --kernel "$home/vmlinuz" --initrd "$home/i.gz" --append 'console=ttyS0 quiet panic=-1' --memory 256M --console stdio
contains "UID-0-INSIDE 0"

say "an imported image, in the user's own store"
expect 0 as hospes image import "$home/debian.raw" --name mine-image --kernel "$home/vmlinuz"
expect 0 as hospes image ls
contains mine-image
[ -d "$home/data/hospes/images/mine-image" ] || fail "the image is not in the user's own folder"

say "a machine from it, with a network"
expect 0 as hospes run --vm -d --name mine --memory 512M mine-image
expect 0 as hospes exec mine sh -c 'echo "uid $(id -u)"; ip -4 addr show dev eth0'
contains "uid 0"
contains 10.0.2.15
expect 0 as hospes stop mine
expect 0 as hospes rm mine

say "doctor says that machines can run"
expect 0 as hospes doctor
