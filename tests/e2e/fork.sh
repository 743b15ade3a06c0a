#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# fork: running machines become several; names, pauses, ends of either side, what the original must not notice.
# limit: 600
. "$(dirname "$0")/lib.sh"
need_image
g=fork$$
at_end 'for x in $("$hospes" ps -a | awk "{print \$1}" | grep "^$g"); do "$hospes" rm -f "$x" >/dev/null 2>&1; done'

in_guest() { local n=$1; shift; timeout 120 "$hospes" exec "$n" sh -c "$*"; }
state_of() { "$hospes" inspect "$1" | python3 -c 'import json,sys; j=json.load(sys.stdin); j=j[0] if isinstance(j,list) else j; print(j["state"])'; }
gone() { for _ in $(seq 600); do [ -d "/proc/$1" ] || return 0; sleep 0.1; done; fail "process $1 is still there"; }

say "a fork has the memory and the disk of that moment, and its own from then on"
expect 0 "$hospes" run -d --vm --cpus 2 --name "$g" debian
in_guest "$g" 'echo before >/run/memory; echo before >/root/disk; sync'
expect 0 "$hospes" fork "$g" "$g-a"
contains "$g-a"
"$hospes" inspect "$g-a" | tr -d ' \n' | grep -qF "\"origin\":{\"kind\":\"fork\",\"guest\":\"$g\"}" || fail "nothing tells where it came from"
[ "$(in_guest "$g-a" 'cat /run/memory /root/disk' | xargs)" = "before before" ] || fail "the fork lacks what was there"
in_guest "$g-a" 'echo child >/run/memory; echo child >/root/disk; sync'
in_guest "$g" 'echo parent >/run/memory; echo parent >/root/disk; sync'
[ "$(in_guest "$g-a" 'cat /run/memory /root/disk' | xargs)" = "child child" ] || fail "the original shows in the fork"
[ "$(in_guest "$g" 'cat /run/memory /root/disk' | xargs)" = "parent parent" ] || fail "the fork shows in the original"
[ "$(in_guest "$g" nproc)$(in_guest "$g-a" nproc)" = 22 ] || fail "a processor was lost"

say "a fork of a fork, which outlives both"
expect 0 "$hospes" fork "$g-a" "$g-b"
[ "$(in_guest "$g-b" 'cat /run/memory /root/disk' | xargs)" = "child child" ] || fail "a fork of a fork"
a=$(cat "$HOSPES_ROOT/run/$g-a/pid")
kill -9 "$a"
gone "$a"
in_guest "$g-b" 'echo third >/root/disk; sync; cat /root/disk' | grep -q third || fail "it did not outlive its original"
[ "$(state_of "$g-a")" = crashed ] || fail "the killed one is not told as crashed"
in_guest "$g" 'cat /root/disk' | grep -q parent || fail "the first one suffered"
expect 0 "$hospes" rm -f "$g-a"

say "the disk of a fork is there when it starts again"
expect 0 "$hospes" stop "$g-b"
expect 0 "$hospes" start "$g-b"
[ "$(in_guest "$g-b" 'cat /root/disk')" = third ] || fail "its disk lost something"
expect 0 "$hospes" rm -f "$g-b"

say "names: taken ones, and what was made until then"
expect 125 "$hospes" fork "$g" "$g"
contains "name taken"
expect 0 "$hospes" fork "$g" "$g-n-3"
expect 125 "$hospes" fork --count 5 "$g" "$g-n"
contains "name taken: there is a guest called $g-n-3"
[ "$("$hospes" ps -a | grep -c "^$g-n")" = 1 ] || fail "half of a request was left"
expect 125 "$hospes" fork "$g" "a/b"
expect 125 "$hospes" fork no-such-guest
contains "no guest is called"
expect 125 "$hospes" fork --count 0 "$g"
expect 0 "$hospes" rm -f "$g-n-3"

say "two at once with one name: one is made, the other told"
for i in 1 2 3 4; do ("$hospes" fork "$g" "$g-same" >"$work/same.$i" 2>&1; echo $? >"$work/rc.$i") & done
wait
[ "$(grep -lx 0 "$work"/rc.* | wc -l)" = 1 ] || fail "not one of them: $(cat "$work"/same.*)"
[ "$(cat "$work"/same.* | grep -c -e "name taken" -e "forked already")" = 3 ] || fail "$(cat "$work"/same.*)"
expect 0 "$hospes" rm -f "$g-same"

say "a paused one gives paused ones"
expect 0 "$hospes" pause "$g"
expect 0 "$hospes" fork "$g" "$g-p"
[ "$(state_of "$g-p")$(state_of "$g")" = pausedpaused ] || fail "states after the fork of a paused one"
expect 0 "$hospes" resume "$g-p"
in_guest "$g-p" 'cat /root/disk' | grep -q parent || fail "a fork of a paused one does not go on"
[ "$(state_of "$g")" = paused ] || fail "the original went on"
expect 0 "$hospes" resume "$g"
expect 0 "$hospes" rm -f "$g-p"

say "a stopped one cannot be forked"
expect 0 "$hospes" run -d --vm --name "$g-s" debian
in_guest "$g-s" true
expect 0 "$hospes" stop "$g-s"
expect 125 "$hospes" fork "$g-s"
contains "clone"
expect 0 "$hospes" rm "$g-s"

say "connections and timers of the original go on; those of the fork are its own"
cat >"$work/echo.py" <<'EOF'
import socket, sys, time
s = socket.create_server(("127.0.0.1", 0))
print(s.getsockname()[1], flush=True)
c, _ = s.accept()
f = c.makefile("rw")
for n in range(10**6):
    f.write(f"{n}\n"); f.flush()
    if f.readline() != f"{n}\n":
        print(f"broken at {n}", flush=True)
        sys.exit(1)
    print(f"turn {n}", flush=True)
    time.sleep(0.05)
EOF
python3 "$work/echo.py" >"$work/turns" 2>&1 &
echo_pid=$!
at_end "kill $echo_pid 2>/dev/null"
for _ in $(seq 100); do [ -s "$work/turns" ] && break; sleep 0.1; done
port=$(head -1 "$work/turns")
"$hospes" exec -d "$g" bash -c "exec 3<>/dev/tcp/10.0.2.2/$port; while read -u 3 x; do echo \$x >&3; done"
"$hospes" exec -d "$g" bash -c 'n=0; while sleep 0.05; do n=$((n+1)); echo $n >/run/ticks.new; mv /run/ticks.new /run/ticks; done'
more_turns() { local n; n=$(wc -l <"$work/turns"); for _ in $(seq 600); do [ "$(wc -l <"$work/turns")" -gt $((n + 3)) ] && return; sleep 0.1; done; fail "the connection stands still: $(tail -1 "$work/turns")"; }
more_ticks() { local n m; n=$(in_guest "$1" 'cat /run/ticks'); for _ in $(seq 600); do m=$(in_guest "$1" 'cat /run/ticks'); [ "$m" -gt $((n + 3)) ] && return; sleep 0.1; done; fail "no timer runs in $1"; }
more_turns
for i in 1 2 3; do
	expect 0 "$hospes" fork "$g" "$g-t$i"
	more_turns
	more_ticks "$g"
	more_ticks "$g-t$i"
done
kill -0 $echo_pid || fail "the connection broke: $(tail -2 "$work/turns")"
! grep -q broken "$work/turns" || fail "the connection broke"
for i in 1 2 3; do expect 0 "$hospes" rm -f "$g-t$i"; done
more_turns

say "twenty at once, then no trace of them"
before=$(ls "/proc/$(cat "$HOSPES_ROOT/run/$g/pid")/fd" | wc -l)
expect 0 "$hospes" fork --count 20 "$g" "$g-m"
for i in $(seq 20); do [ "$(in_guest "$g-m-$i" 'cat /root/disk')" = parent ] || fail "$g-m-$i"; done
for i in $(seq 20); do "$hospes" rm -f "$g-m-$i" >/dev/null; done
for _ in $(seq 300); do
	[ "$(ls "/proc/$(cat "$HOSPES_ROOT/run/$g/pid")/fd" | wc -l)" -le "$before" ] && break
	sleep 0.1
done
[ "$(ls "/proc/$(cat "$HOSPES_ROOT/run/$g/pid")/fd" | wc -l)" -le "$before" ] || fail "descriptors are left in the original"
! ps -o stat= --ppid "$(cat "$HOSPES_ROOT/run/$g/pid")" | grep -q Z || fail "dead children are left"

say "the original ends, the fork does not"
expect 0 "$hospes" fork "$g" "$g-o"
expect 0 "$hospes" rm -f "$g"
[ "$(in_guest "$g-o" 'cat /root/disk')" = parent ] || fail "the fork ended with its original"
in_guest "$g-o" 'echo late >/root/disk; sync'
expect 0 "$hospes" rm -f "$g-o"
say "forks: all well"
