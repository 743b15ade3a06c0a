#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# oci-criu.sh - checkpoint and restore by Debian's own criu, on the kernel that it was made for: in a machine.
# limit: 500
. "$(dirname "$0")/oci/lib.sh"

image=oci-criu
(
	flock 9
	"$hospes" image ls --json | grep -q "\"$image\"" ||
		"$hospes" image build debian --name $image --include criu,iproute2,iptables,busybox-static >"$assets/image-criu.log" 2>&1 ||
		{ cat "$assets/image-criu.log"; exit 1; }
) 9>"$assets/image.lock"
machine=oci-criu-$$
guests+=("$machine")
"$hospes" run --vm -d --engine soft --name "$machine" --cpus 2 --memory 768M $image
cp "$oci" "$work/hospes-oci"
tar -C "$work" -cf - hospes-oci -C "$bundle" rootfs -C "$top/tests/e2e/oci" criu.sh | "$hospes" exec -i "$machine" sh -c 'mkdir /b && tar -C /b -xf -'
rc=0; out=$(timeout 400 "$hospes" exec "$machine" bash /b/criu.sh 2>&1) || rc=$?
printf '%s\n' "$out"
[ $rc -eq 0 ] || fail "status $rc"
contains "checked out and in again"
