#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# limit: 300
# What guests take and do: inspect --stats and top, of guests that work, idle, pause, reboot, end and are none.
. "$(dirname "$0")/lib.sh"
need_image
guests+=(t-busy t-idle)

# stats NAME EXPRESSION: of the sample s, in python
stats() { "$hospes" inspect --stats --json "$1" | python3 -c 'import json,sys
g = json.load(sys.stdin)[0]; s = g["stats"]; cpu = s["cpus"][0]; dev = {d["name"]: d for d in s["devices"]}
print(eval(sys.argv[1]))' "$2"; }
true_of() { [ "$(stats "$1" "$2")" = True ] || fail "$1: not true: $2"; }

expect 0 "$hospes" run --vm -d --name t-busy --engine soft --cpus 2 --memory 256M debian
expect 0 "$hospes" run --vm -d --name t-idle --engine soft --memory 192M debian
expect 0 "$hospes" exec t-busy true
expect 0 "$hospes" exec t-idle true

say "counters tell what a boot takes"
true_of t-busy 'g["name"] == "t-busy" and g["engine"] == "soft" and len(s["cpus"]) == 2'
for counter in blocks steps halts interrupts tlb_misses_read tlb_misses_write tlb_misses_fetch tlb_flushes page_faults \
	syscalls mmio_writes io_reads lookups; do
	true_of t-busy "cpu['$counter'] > 0"
done
true_of t-busy '0 < s["code_cache"]["used"] <= s["code_cache"]["bytes"]'
true_of t-busy '3 < len(s["stepped"]) <= 12 and s["stepped"]["iretq"] > 0'
true_of t-busy '32 << 20 < s["memory"]["touched"] <= s["memory"]["bytes"] == 256 << 20'
true_of t-busy 's["monitor"]["resident"] > s["memory"]["touched"]'
true_of t-busy 's["monitor"]["cpu_ns"] >= s["monitor"]["vcpus_ns"] >= cpu["cpu_ns"] > 0'
true_of t-busy 'dev["disk0"]["in_bytes"] > 0 and dev["disk0"]["notifications"] > 0 and dev["net"]["interrupts"] > 0'

say "they move with what the guest does"
was=$(stats t-busy '[sum(c[k] for c in s["cpus"]) for k in ("syscalls", "page_faults", "blocks")] + [dev["disk0"]["in_bytes"], dev["disk0"]["out_bytes"]]')
expect 0 "$hospes" exec t-busy sh -c 'dd if=/dev/vda of=/new bs=1M count=8 iflag=direct oflag=direct 2>/dev/null; for i in $(seq 50); do /bin/true; done'
true_of t-busy "all(now > was for now, was in zip([sum(c[k] for c in s['cpus']) for k in ('syscalls', 'page_faults', 'blocks')], $was))"
true_of t-busy "dev['disk0']['in_bytes'] - $was[3] >= 8 << 20 and dev['disk0']['out_bytes'] - $was[4] >= 8 << 20"

say "for people, with rates"
expect 0 "$hospes" inspect --stats -d 300ms t-busy t-idle
for word in "t-busy: running, engine soft, 2 cpus" "t-idle: running, engine soft, 1 cpu" "PROCESSOR TIME" "CODE CACHE" STEPPED "cpu1" "tlb_misses_fetch" disk0; do
	contains "$word"
done

say "top lists those that run, the busiest first"
"$hospes" exec t-busy timeout 60 sh -c 'while :; do :; done' &
expect 0 "$hospes" top --once
contains "t-idle"
expect 0 "$hospes" top --json --no-stream
python3 - "$out" <<'P' || fail "top --json"
import json, sys
a, b = json.loads(sys.argv[1])
assert a["name"] == "t-busy" and b["name"] == "t-idle"
assert a["rates"]["cpu_percent"] >= a["rates"]["vcpus_percent"] > b["rates"]["vcpus_percent"] >= 0
assert a["stats"]["cpus"][0]["blocks"] > 0 and 0.9 < a["rates"]["seconds"]
P
expect 0 "$hospes" top -b -n 2 -d 200ms --sort name t-idle
[ "$(grep -c '^NAME' <<<"$out")" = 2 ] && [ "$(grep -c '^t-idle' <<<"$out")" = 2 ] || fail "two rounds of one guest were asked for"
"$hospes" top -d 100ms 2>&1 | head -3 >"$work/head" || :
grep -q t-busy "$work/head" || fail "top into a pipe that closes"

say "on a terminal it draws in place and puts everything right again, however it ends"
python3 - "$hospes" <<'P' || fail "top on a terminal"
import os, pty, select, signal, sys, termios, time
def run(do, status):
    master, slave = pty.openpty()
    before = termios.tcgetattr(slave)
    pid = os.fork()
    if pid == 0:
        os.setsid()
        for fd in 0, 1, 2: os.dup2(slave, fd)
        os.execv(sys.argv[1], ["hospes", "top"])
    out, done, end = b"", False, time.time() + 20
    while time.time() < end:
        if select.select([master], [], [], 0.1)[0]: out += os.read(master, 65536)
        if not done and out.count(b"t-busy") > 1:
            assert termios.tcgetattr(slave) != before
            do(pid, master)
            done = True
        got, st = os.waitpid(pid, os.WNOHANG)
        if got: break
    else:
        raise Exception("it does not end")
    while select.select([master], [], [], 0.1)[0]: out += os.read(master, 65536)
    assert os.waitstatus_to_exitcode(st) == status, st
    assert termios.tcgetattr(slave) == before, "the terminal stays raw"
    assert out.startswith(b"\x1b[?1049h\x1b[?25l") and out.endswith(b"\x1b[?25h\x1b[?1049l"), out
    os.close(master); os.close(slave)
run(lambda pid, tty: os.write(tty, b"mq"), 0)
run(lambda pid, tty: os.write(tty, b"\3"), 0)
run(lambda pid, tty: os.kill(pid, signal.SIGTERM), 143)
run(lambda pid, tty: os.kill(pid, signal.SIGINT), 130)
P

say "a paused guest is told as such"
expect 0 "$hospes" pause t-idle
expect 0 "$hospes" top --once t-idle
contains paused
expect 0 "$hospes" inspect --stats -d 0 t-idle
contains "t-idle: paused"
expect 0 "$hospes" resume t-idle

say "a reboot begins the counters anew, and keeps the monitor's times"
was=$(stats t-idle '[cpu["steps"], s["monitor"]["vcpus_ns"]]')
"$hospes" exec t-idle sh -c 'echo b >/proc/sysrq-trigger' || :
expect 0 "$hospes" exec t-idle true
true_of t-idle "s['monitor']['vcpus_ns'] > $was[1] and cpu['cpu_ns'] < s['monitor']['vcpus_ns'] < s['monitor']['cpu_ns']"

say "top ends with the guests it was asked for"
"$hospes" top -d 200ms t-idle >"$work/top" &
watcher=$!
sleep 1
expect 0 "$hospes" kill t-idle
wait $watcher || fail "status $? of top"
grep -q '^t-idle' "$work/top" || fail "top did not show it"

say "guests that do not run, and none at all"
expect 125 "$hospes" inspect --stats t-idle
contains "guest t-idle is not running"
expect 125 "$hospes" top --once t-idle
contains "guest t-idle is not running"
expect 125 "$hospes" inspect --stats t-nobody
contains "no guest is called t-nobody"
expect 125 "$hospes" top t-busy t-nobody
contains "no guest is called t-nobody"
kill -9 "$("$hospes" inspect t-busy | python3 -c 'import json,sys; print(json.load(sys.stdin)[0]["pid"])')"
wait
expect 125 "$hospes" inspect --stats t-busy
contains "guest t-busy is not running"
expect 0 "$hospes" top --once
case $out in *t-busy*) fail "a crashed guest is listed" ;; esac
