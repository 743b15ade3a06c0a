# SPDX-License-Identifier: GPL-2.0-or-later
# lib.sh - what the end-to-end tests share; sourced first, from any folder.
#
# Everything lives below build/e2e: a kernel, an initramfs, and HOSPES_ROOT with images and guests.
# shellcheck shell=bash
set -euo pipefail
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
assets=$top/build/e2e
hospes=$top/build/hospes
export HOSPES_ROOT=$assets/root
mkdir -p "$assets"
work=$(mktemp -d "$assets/work.XXXXXX")
guests=()
undo=()

finish() {
	local rc=$?
	for u in ${undo[@]+"${undo[@]}"}; do eval "$u" || :; done
	for g in ${guests[@]+"${guests[@]}"}; do "$hospes" rm -f "$g" >/dev/null 2>&1 || :; done
	rm -rf "$work"
	exit $rc
}
trap finish EXIT
# at_end COMMAND: what a test has to tidy up besides $guests and $work, however it ends. (A trap of its own would
# hide its exit status.)
at_end() { undo+=("$1"); }
trap 'exit 130' INT TERM

say() { printf -- '-- %s\n' "$*"; }
fail() { printf 'FAILED: %s\n' "$*"; exit 1; }
# expect STATUS COMMAND...: the command ends with this status; its output goes to $out and is shown.
expect() {
	local want=$1 rc=0
	shift
	out=$("$@" 2>&1) || rc=$?
	printf '$ %s\n%s\n' "$*" "$out"
	[ $rc -eq "$want" ] || fail "status $rc instead of $want: $*"
}
contains() { case $out in *"$1"*) ;; *) fail "output lacks: $1" ;; esac; }

# The newest Debian cloud kernel: $kernel, $modules.
need_kernel() {
	(flock 9; "$top/script/kernel" "$assets/kernel") 9>"$assets/kernel.lock"
	kernel=$assets/kernel/vmlinuz
	modules=$(echo "$assets"/kernel/lib/modules/*)
}

# An initramfs of busybox and one script as /init: need_initrd FILE SCRIPT
need_initrd() {
	local root=$work/initrd.root
	rm -rf "$root"
	mkdir -p "$root"/{bin,dev,proc,sys,tmp}
	cp "$(command -v busybox)" "$root/bin/busybox"
	{
		printf '#!/bin/busybox sh\nexport PATH=/bin\n/bin/busybox --install -s /bin\n'
		printf 'mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev\n%s\n' "$2"
	} >"$root/init"
	chmod +x "$root/init"
	(cd "$root" && find . | cpio -o -H newc --quiet | gzip -1) >"$1"
	rm -rf "$root"
}

# A small Debian as image "debian", with what the tests run in it.
need_image() {
	(
		flock 9
		"$hospes" image ls --json | grep -q '"debian"' ||
			"$hospes" image build debian --include fdisk,e2fsprogs,stress-ng,openssl,gcc,libc6-dev,iproute2,curl,procps \
				>"$assets/image.log" 2>&1 || { cat "$assets/image.log"; exit 1; }
	) 9>"$assets/image.lock"
}
