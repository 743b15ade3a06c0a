#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# limit: 400
# The flat guest programs on a real KVM (inside QEMU's emulated SVM) and on the soft engine: registers, memory and text
# must be the same.
. "$(dirname "$0")/lib.sh"
need_kernel
build=$top/build/tests/guest
files=("$build/runner") lines=
for p in fault system paging code memory timer machine legacy smp; do
	files+=("$build/$p.bin" "$top/tests/guest/prog/$p.expect")
	cpus=1
	[ $p != smp ] || cpus=2
	lines="$lines ./runner -e kvm -c $cpus $p.bin $p.expect && ./runner -e all -d 0 -c $cpus $p.bin $p.expect && echo \"$p agrees\";"
done
say "flat guest programs on kvm and soft"
out=$("$top/script/nested-kvm" -c max,-avx,-avx2,-fma,-f16c -k "$assets/kernel" -m 512 -t 360 "$lines" "${files[@]}" 2>&1) || :
printf '%s\n' "$out"
for p in fault system paging code memory timer machine legacy smp; do contains "$p agrees"; done
