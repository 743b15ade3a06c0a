#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# limit: 900
# The kvm engine on a real KVM (inside QEMU's emulated SVM): a stock Debian kernel with one and two CPUs.
. "$(dirname "$0")/lib.sh"
need_kernel
need_initrd "$work/i.gz" 'echo "CPUS $(nproc)"; cat /sys/devices/system/clocksource/clocksource0/current_clocksource
dmesg | grep -iE "Hypervisor detected|BUG:|Oops|WARNING:|unchecked MSR"
read -r line && echo "GOT $line"
poweroff -f'
cp "$kernel" "$work/vmlinuz"
# shellcheck disable=SC2016
expect 0 "$top/script/nested-kvm" -k "$assets/kernel" -t 800 '
export HOSPES_ROOT=/tmp/hospes
hospes doctor
for cpus in 1 2; do
	echo hello >/tmp/in
	hospes run --vm --engine kvm --kernel vmlinuz --initrd i.gz --append "console=ttyS0 panic=-1" --cpus $cpus --memory 256M \
		--console stdio </tmp/in || { echo "status $?"; exit 1; }
done
echo "--- what a broken guest is told as"
hospes run --vm --engine kvm --kernel vmlinuz --initrd i.gz --append "console=ttyS0 panic=-1 quiet rdinit=/no init=/no" --memory 256M --console stdio
[ $? -ne 0 ] && echo PANIC-TOLD
echo "--- what the kernel counts"
hospes run --vm -d --name counted --engine kvm --kernel vmlinuz --initrd i.gz --append console=ttyS0 --memory 256M
for i in $(seq 100); do hospes logs counted | grep -q "CPUS 1" && break; sleep 1; done
hospes inspect --stats counted
hospes top --once
hospes kill counted' "$hospes" "$work/vmlinuz" "$work/i.gz"
contains "CPUS 1"
contains "CPUS 2"
contains "GOT hello"
contains "kvm-clock"
contains "PANIC-TOLD"
for counter in exits halts interrupts memory_faults io_writes mmio_writes emulations; do
	grep -Eq "^  $counter +[1-9]" <<<"$out" || fail "no $counter were counted"
done
grep -q "^counted  running  kvm" <<<"$out" || fail "top does not list it"
case $out in *"BUG:"* | *Oops* | *"WARNING:"* | *"unchecked MSR"*) fail "the guest's kernel complained" ;; esac
