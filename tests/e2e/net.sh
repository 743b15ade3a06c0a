#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# limit: 600
# User-mode network: large downloads arrive unchanged, published ports lead in, two guests side by side.
. "$(dirname "$0")/lib.sh"
need_image
guests+=(t-net1 t-net2)
mkdir "$work/www"
openssl rand -out "$work/www/blob" 100000000
want=$(sha256sum <"$work/www/blob")
python3 - "$work/www" >"$work/port" <<'PY' &
import functools, http.server, sys
handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=sys.argv[1])
handler.log_message = lambda *a: None
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
print(server.server_address[1], flush=True)
server.serve_forever()
PY
server=$!
at_end 'kill $server'
for _ in $(seq 50); do [ -s "$work/port" ] && break; sleep 0.1; done
port=$(cat "$work/port")
in=$((20000 + RANDOM % 20000))

expect 0 "$hospes" run --vm -d --name t-net1 --memory 512M -p 127.0.0.1:$in:8000 debian
expect 0 "$hospes" run --vm -d --name t-net2 --memory 512M debian
for g in t-net1 t-net2; do
	say "$g: 100 MB from the host's loopback"
	expect 0 "$hospes" exec $g sh -c "curl -sf --noproxy '*' http://10.0.2.2:$port/blob | sha256sum"
	contains "$want"
done

say "a published port leads into the guest"
expect 0 "$hospes" exec t-net1 sh -c 'openssl rand -out /tmp/up 5000000; sha256sum </tmp/up; (printf "HTTP/1.0 200 OK\r\n\r\n"; cat /tmp/up) >/tmp/answer'
up=$out
"$hospes" exec t-net1 perl -MIO::Socket::INET -e '$s = IO::Socket::INET->new(LocalPort => 8000, Listen => 5, ReuseAddr => 1) or die; $c = $s->accept; <$c>; open F, "<", "/tmp/answer"; local $/ = \65536; print $c $_ while <F>; close $c' &
inner=$!
sleep 3
got=$(curl -sf --noproxy '*' http://127.0.0.1:$in/ | sha256sum)
wait $inner
case $up in *"$got"*) ;; *) fail "5 MB through the published port arrived changed: $got" ;; esac

say "ports of a running machine come and go"
expect 0 "$hospes" update --publish 127.0.0.1:$((in + 1)):8001 --unpublish 127.0.0.1:$in t-net1
"$hospes" exec -d t-net1 perl -MIO::Socket::INET -e '$s = IO::Socket::INET->new(LocalPort => 8001, Listen => 5, ReuseAddr => 1) or die; while ($c = $s->accept) { print $c "hello\n"; close $c }'
for _ in $(seq 50); do
	out=$(timeout 5 bash -c "exec 3<>/dev/tcp/127.0.0.1/$((in + 1)); cat <&3" 2>/dev/null) && [ -n "$out" ] && break
	sleep 0.2
done
[ "$out" = hello ] || fail "the new port does not answer: $out"
! timeout 5 bash -c ": >/dev/tcp/127.0.0.1/$in" 2>/dev/null || fail "the old port is still there"
expect 125 "$hospes" update --memory 1G t-net1
contains "only published ports"
in=$((in + 1))

say "a port that is taken is told, and leaves nothing behind"
expect 125 "$hospes" run --vm --name t-net3 -p 127.0.0.1:$in:80 debian true
contains "$in"
expect 0 "$hospes" ps -a
case $out in *t-net3*) fail "the failed guest is still listed" ;; esac
