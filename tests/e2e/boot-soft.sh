#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# limit: 300
# The stock Debian kernel boots on the soft engine, with one and with four CPUs, from no image at all.
. "$(dirname "$0")/lib.sh"
need_kernel
need_initrd "$work/i.gz" 'echo "CPUS $(nproc)"; grep MemTotal /proc/meminfo; cat /proc/cmdline; sort -u /sys/devices/system/clocksource/clocksource0/current_clocksource
dmesg | grep -iE "BUG:|Oops|WARNING:|stuck|unchecked MSR" && echo COMPLAINED
read -r line && echo "GOT $line"
for w in $(cat /proc/cmdline); do [ "$w" = end=reboot ] && reboot -f; done
poweroff -f'

for cpus in 1 4; do
	say "$cpus CPUs"
	rc=0
	echo hello | timeout 120 "$hospes" run --vm --engine soft --kernel "$kernel" --initrd "$work/i.gz" \
		--append 'console=ttyS0 panic=-1' --cpus $cpus --memory 512M --console stdio >"$work/log" || rc=$?
	out=$(tr -d '\r' <"$work/log")
	echo "$out" | tail -15
	[ $rc -eq 0 ] || fail "status $rc after a power-off"
	contains "CPUS $cpus"
	contains "GOT hello"
	contains "kvm-clock"
	case $out in *COMPLAINED*) fail "the kernel complained" ;; esac
done

say "reset ends the machine too"
expect 0 timeout 120 "$hospes" run --vm --engine soft --kernel "$kernel" --initrd "$work/i.gz" --append 'console=ttyS0 panic=-1 quiet end=reboot' \
	--memory 256M --console stdio <<<go

say "a panic is told, and is no success"
rc=0
timeout 120 "$hospes" run --vm --engine soft --kernel "$kernel" --initrd "$work/i.gz" --append 'console=ttyS0 panic=-1 quiet rdinit=/nothing init=/nothing' \
	--memory 256M --console stdio >"$work/log" 2>"$work/err" </dev/null || rc=$?
cat "$work/err"
[ $rc -ne 0 ] || fail "a guest that panicked is a success"
grep -qi panic "$work/err" || fail "stderr does not say that the guest panicked"
