#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# limit: 600
# The network of containers: the bridge, published ports from everywhere, what goes out, sharing, changes while they run,
# and that nothing of it stays. All in a network namespace of the test's own.
. "$(dirname "$0")/lib.sh"
if [ "$(id -u)" -ne 0 ]; then
	echo "SKIP: needs root"
	exit 0
fi
if [ "${1:-}" != inside ]; then
	need_image
	unshare -nm "$0" inside
	exit
fi
unset HOSPES_SUBNET
ip link set lo up
tag=n$$

# A server that says its name and who asks, by TCP and UDP: answerer NAME
answerer() {
	cat <<PL
use IO::Socket::INET; use IO::Select;
my \$t = IO::Socket::INET->new(LocalPort => 80, Listen => 8, ReuseAddr => 1) or die;
my \$u = IO::Socket::INET->new(LocalPort => 80, Proto => "udp") or die;
my \$s = IO::Select->new(\$t, \$u);
while (my @r = \$s->can_read) { for my \$x (@r) {
	if (\$x == \$t) { my \$c = \$t->accept; print \$c "$1 ", \$c->peerhost, "\n"; close \$c }
	else { \$u->recv(my \$m, 99); \$u->send("$1 " . \$u->peerhost . "\n") }
} }
PL
}
# ask tcp|udp HOST PORT: what is answered, "" if nothing is
tcp='exec 3<>/dev/tcp/$1/$2 && cat <&3'
udp='exec 3<>/dev/udp/$1/$2 && echo ? >&3 && timeout 2 head -n 1 <&3'
ask() { timeout 4 bash -c "${!1}" - "$2" "$3" 2>/dev/null || :; }
# within GUEST tcp|udp HOST PORT
within() { timeout 10 "$hospes" exec "$1" timeout 4 bash -c "${!2}" - "$3" "$4" 2>/dev/null || :; }
outside() { timeout 6 nsenter -t "$out_pid" -n bash -c "${!1}" - "$2" "$3" 2>/dev/null || :; }
# answers WANT COMMAND...: it does after a while at the latest (a server may have to start)
answers() {
	local want=$1 got
	shift
	for _ in $(seq 30); do
		got=$("$@")
		[ "$got" = "$want" ] && { printf '$ %s\n%s\n' "$*" "$got"; return; }
		sleep 0.2
	done
	fail "answers \"$got\" instead of \"$want\": $*"
}
silent() { local got; got=$("$@"); [ -z "$got" ] || fail "answers \"$got\": $*"; }
address() { "$hospes" inspect "$1" | sed -n 's/^ *"address": "\(.*\)".*/\1/p'; }
serve() { # serve NAME OPTION...
	local name=$1
	shift
	guests+=("$name")
	expect 0 "$hospes" run -d --name "$name" "$@" debian perl -e "$(answerer "${name#"$tag-"}")"
}
ends() { ip -o link | grep -c ' hospes-[0-9]' || :; }
tables() { nft list tables | grep -c 'hospes-' || :; }
none_left() { # of the kernel's own tidying up a moment is granted
	for _ in $(seq 50); do [ "$(ends)" -eq "$1" ] && break; sleep 0.1; done
	[ "$(ends)" -eq "$1" ] || fail "interfaces: $(ip -o link)"
	[ "$(tables)" -eq "$2" ] || fail "tables: $(nft list tables)"
}

say "another host, on the far side of this one"
unshare -n sleep 3600 &
out_pid=$!
at_end 'kill $out_pid'
for _ in $(seq 50); do [ "$(readlink /proc/$out_pid/ns/net)" != "$(readlink /proc/self/ns/net)" ] && break; sleep 0.1; done
ip link add up0 type veth peer name up1 netns $out_pid
ip addr add 192.0.2.1/24 dev up0
ip link set up0 up
nsenter -t $out_pid -n sh -c 'ip link set lo up; ip addr add 192.0.2.9/24 dev up1; ip link set up1 up'
nsenter -t $out_pid -n perl -e "$(answerer outside)" &
far=$!
at_end 'kill $far'
answers "outside 192.0.2.1" ask tcp 192.0.2.9 80

say "a container gets an address, a route, names"
expect 0 "$hospes" run --rm --hostname box debian sh -c 'ip -o -4 addr show eth0; ip route; cat /etc/hosts'
contains "inet 10.87."
contains "default via 10.87.0.1"
contains " box"
[ "$(cat /proc/sys/net/ipv4/ip_forward)" = 1 ] || fail "nothing is forwarded"

say "two containers, the other host, the way in and out"
serve "$tag-one" -p 8080:80 -p 8080:80/udp -p 127.0.0.1:8081:80
serve "$tag-two"
one=$(address "$tag-one") two=$(address "$tag-two")
[ "$one" != "$two" ] || fail "both have $one"
answers "one 10.87.0.1" ask tcp "$one" 80
answers "two $one" within "$tag-one" tcp "$two" 80
answers "outside 192.0.2.1" within "$tag-one" tcp 192.0.2.9 80
answers "outside 192.0.2.1" within "$tag-one" udp 192.0.2.9 80
answers "one 192.0.2.9" outside tcp 192.0.2.1 8080
answers "one 192.0.2.9" outside udp 192.0.2.1 8080
answers "one 10.87.0.1" ask tcp 127.0.0.1 8080
answers "one 10.87.0.1" ask udp 127.0.0.1 8080
answers "one 192.0.2.1" ask tcp 192.0.2.1 8080
answers "one 10.87.0.1" ask tcp 127.0.0.1 8081
for filter in $(cat /proc/sys/net/bridge/bridge-nf-call-iptables 2>/dev/null || :) 0; do # bridged packets filtered too, or not
	! [ -e /proc/sys/net/bridge ] || echo "$filter" >/proc/sys/net/bridge/bridge-nf-call-iptables
	answers "one 10.87.0.1" within "$tag-two" tcp 10.87.0.1 8080
	answers "one 10.87.0.1" within "$tag-one" tcp 10.87.0.1 8080
	answers "one 10.87.0.1" within "$tag-one" udp 192.0.2.1 8080
	answers "two $one" within "$tag-one" tcp "$two" 80
done
silent outside tcp 192.0.2.1 8081

say "what was not published is not reached, nor the host's loopback"
nsenter -t $out_pid -n ip route add 10.87.0.0/16 via 192.0.2.1
silent outside tcp "$one" 80
silent outside udp "$one" 80
cat >"$work/forge.pl" <<'PL'
# A datagram from eth0 to 127.0.0.1:7000 by way of the gateway's hardware address.
my $own = (`ip -o -4 addr show eth0` =~ /inet ([\d.]+)/)[0];
sub quad { pack "C4", split /\./, shift }
sub sum { my $s = 0; $s += $_ for unpack "n*", shift; $s = ($s & 0xffff) + ($s >> 16) while $s >> 16; ~$s & 0xffff }
my $head = sub { pack "C2 n3 C2 n a4 a4", 0x45, 0, 34, 1, 0, 64, 17, shift, quad($own), quad("127.0.0.1") };
my $frame = pack("H12 H12 n", "02680a570001", "02680a57ffff", 0x800) . $head->(sum($head->(0))) . pack("n4 a6", 7000, 7000, 14, 0, "forged");
socket(my $s, 17, 3, 0) or die "socket: $!";
send($s, $frame, 0, pack("S n i S C C a8", 17, 0x800, 2, 0, 0, 6, "")) or die "send: $!" for 1 .. 3;
PL
cat >"$work/hear.pl" <<'PL'
use IO::Socket::INET;
my $s = IO::Socket::INET->new(LocalAddr => "127.0.0.1", LocalPort => 7000, Proto => "udp") or die;
$| = 1;
print "ready\n";
while (1) { $s->recv(my $m, 99); print "$m\n" }
PL
perl "$work/hear.pl" >"$work/heard" &
listener=$!
at_end 'kill $listener'
for _ in $(seq 50); do [ -s "$work/heard" ] && break; sleep 0.1; done
forge() { expect 0 "$hospes" run --rm -v "$work/forge.pl:/forge.pl:ro" debian perl /forge.pl; }
forge
nft flush chain ip hospes guard # without it the same datagrams arrive, and behind those that did not
forge
for _ in $(seq 50); do grep -q forged "$work/heard" && break; sleep 0.1; done
[ "$(grep -c forged "$work/heard")" -eq 3 ] || fail "a container talks to the host's loopback: $(cat "$work/heard")"
[ "$(cat /proc/sys/net/ipv4/conf/hospes0/rp_filter)" = 1 ] || fail "addresses of others can be sent from"
nft delete table ip hospes

say "ps and inspect tell"
expect 0 "$hospes" ps
contains "$one"
contains "0.0.0.0:8080->80/udp"
expect 0 "$hospes" inspect "$tag-one"
contains '"net": "bridge"'

say "a port that is taken is told, and nothing is left"
before=$(ends)
expect 125 "$hospes" run --rm -p 9090:80 -p 8080:80 debian true
contains "publish 0.0.0.0:8080/tcp: Address already in use"
expect 125 "$hospes" run --rm --net user -p 8080:80 debian true
contains "publish 0.0.0.0:8080/tcp: Address already in use"
none_left "$before" 1

say "ports of a running container come and go"
expect 0 "$hospes" update --publish 9000:80 --publish 9000:80/udp --unpublish 8080 "$tag-one"
answers "one 10.87.0.1" ask tcp 127.0.0.1 9000
answers "one 192.0.2.9" outside udp 192.0.2.1 9000
answers "one 192.0.2.9" outside udp 192.0.2.1 8080
silent ask tcp 127.0.0.1 8080
silent outside tcp 192.0.2.1 8080
expect 0 "$hospes" ps
contains "0.0.0.0:9000->80/tcp"
case $out in *"0.0.0.0:8080->80/tcp"*) fail "the port is still told" ;; esac
expect 125 "$hospes" update --unpublish 8080 "$tag-one"
contains "is not published"
expect 125 "$hospes" update --publish 9000:81 "$tag-one"
contains "published already"
expect 125 "$hospes" update --publish 9001:80 --publish 127.0.0.1:8081:81 --unpublish 9000 "$tag-two"
expect 125 "$hospes" update --publish 9001:80 --publish 9000:80 "$tag-two"
contains "Address already in use"
silent ask tcp 127.0.0.1 9001
answers "one 10.87.0.1" ask tcp 127.0.0.1 9000
expect 125 "$hospes" update --publish nonsense "$tag-two"
expect 125 "$hospes" update --unpublish nonsense "$tag-two"

say "they are kept for the next start, with its address"
expect 0 "$hospes" stop "$tag-one"
silent ask tcp 127.0.0.1 9000
none_left 1 0
expect 0 "$hospes" update --publish 9002:80 "$tag-one"
expect 0 "$hospes" start "$tag-one"
answers "one 10.87.0.1" ask tcp 127.0.0.1 9002
answers "one 10.87.0.1" ask tcp 127.0.0.1 9000
[ "$(address "$tag-one")" = "$one" ] || fail "it has $(address "$tag-one") instead of $one"

say "a container in another's network"
expect 0 "$hospes" run --rm --network "container:$tag-one" debian bash -c 'exec 3<>/dev/tcp/127.0.0.1/80; cat <&3; cat /etc/hosts'
contains "one 127.0.0.1"
contains "$one"
expect 125 "$hospes" run --rm --net container:nobody-here debian true
contains nobody-here
expect 125 "$hospes" run --rm --net "container:$tag-one" -p 1234:80 debian true
expect 125 "$hospes" run --rm --net nonsense debian true
contains container:NAME
expect 125 "$hospes" run --vm --rm --net bridge debian true

say "user mode changes its ports too"
serve "$tag-user" --net user -p 9100:80
answers "user 10.0.2.2" ask tcp 127.0.0.1 9100
expect 0 "$hospes" update --publish 9101:80 --unpublish 9100 "$tag-user"
answers "user 10.0.2.2" ask tcp 127.0.0.1 9101
silent ask tcp 127.0.0.1 9100
expect 0 "$hospes" rm -f "$tag-user"

say "a monitor that is killed leaves nothing"
kill -KILL "$(cat "$HOSPES_ROOT/run/$tag-one/pid")"
for _ in $(seq 50); do [ "$(tables)" -eq 0 ] && break; sleep 0.1; done
silent ask tcp 127.0.0.1 9000
expect 0 "$hospes" ps -a
contains crashed
none_left 1 0
serve "$tag-three" -p 9000:80 -p 9300-9301:80-81
answers "three 10.87.0.1" ask tcp 127.0.0.1 9000
answers "three 10.87.0.1" ask tcp 127.0.0.1 9300

say "many at once have an address each"
pids=()
for i in $(seq 12); do
	"$hospes" run --rm debian sh -c 'ip -o -4 addr show eth0; sleep 1' >"$work/many.$i" &
	pids+=($!)
done
for p in "${pids[@]}"; do wait "$p" || fail "one of many: status $?"; done
[ "$(awk '{print $4}' "$work"/many.* | sort -u | wc -l)" -eq 12 ] || fail "addresses: $(cat "$work"/many.*)"

say "rules that somebody took away are there again with the next container"
nft delete table ip hospes
expect 0 "$hospes" run --rm debian timeout 4 bash -c "$tcp" - 192.0.2.9 80
contains "outside 192.0.2.1"

say "where iptables drops what is forwarded, as Docker and ufw have it, containers are let pass, behind its own rules"
expect 0 "$hospes" doctor
contains "containers get addresses of 10.87.0.0/16"
iptables -P FORWARD DROP
iptables -A FORWARD -d 192.0.2.77 -j DROP
silent outside tcp 192.0.2.1 9000
for _ in 1 2; do
	expect 0 "$hospes" run --rm debian timeout 4 bash -c "$tcp" - 192.0.2.9 80
	contains "outside 192.0.2.1"
done
answers "three 192.0.2.9" outside tcp 192.0.2.1 9000
silent outside tcp "$two" 80
expect 0 iptables -S FORWARD
[ "$(grep -c -- hospes0 <<<"$out")" -eq 2 ] && [ "$(sed -n 2p <<<"$out")" = "-A FORWARD -d 192.0.2.77/32 -j DROP" ] || fail "iptables"
iptables -P FORWARD ACCEPT
iptables -F FORWARD

say "another subnet"
expect 125 env HOSPES_SUBNET=10.99.0.0/16 "$hospes" run --rm debian true
contains "hospes0 has the subnet 10.87.0.0/16"
expect 125 env HOSPES_SUBNET=10.99.0.0 "$hospes" run --rm debian true
contains "like 10.87.0.0/16"
expect 0 "$hospes" rm -f "$tag-one" "$tag-two" "$tag-three"
none_left 0 0
ip link delete hospes0
ip route add 10.87.4.0/24 via 192.0.2.9
expect 0 "$hospes" run --rm debian ip route
contains "default via 10.86.0.1"
ip link delete hospes0
expect 0 env HOSPES_SUBNET=10.99.0.0/24 "$hospes" run --rm debian ip route
contains "default via 10.99.0.1"
expect 0 nft list table ip hospes
contains "ip saddr 10.99.0.0/24 oifname \"hospes0\" ct status dnat masquerade"

say "where there is no bridge to be had it is user mode"
echo 0 >/proc/sys/net/ipv4/ip_forward
cat >"$work/fixed" <<-'SH'
	f=/proc/sys/net/ipv4/ip_forward
	mount --bind $f $f && mount -o remount,bind,ro $f && exec "$@"
SH
expect 0 unshare -m sh "$work/fixed" "$hospes" run --rm debian ip route
contains "default via 10.0.2.2"
expect 125 unshare -m sh "$work/fixed" "$hospes" run --net bridge --rm debian true
contains "net.ipv4.ip_forward: Read-only file system"

say "name servers that only the host reaches are left out"
printf 'search example.org\nnameserver 127.0.0.53\nnameserver ::1\nnameserver 192.0.2.53\n' >"$work/resolv"
mount --bind "$work/resolv" /etc/resolv.conf
expect 0 "$hospes" run --rm debian cat /etc/resolv.conf
[ "$out" = "$(printf 'search example.org\nnameserver 192.0.2.53')" ] || fail "resolv.conf"
none_left 0 0

say "an ordinary user has user mode, if /dev/net/tun is everybody's as on most hosts"
uid=$((62000 + $$ % 1000))
home=$(mktemp -d /tmp/hospes-net.XXXXXX)
at_end 'rm -rf $home'
mkdir -p "$home/tree"/{bin,etc,tmp}
cp "$(command -v busybox)" "$home/tree/bin/"
for l in sh ip nc echo true; do ln -s busybox "$home/tree/bin/$l"; done
printf 'root:x:0:0::/root:/bin/sh\n' >"$home/tree/etc/passwd"
cp "$hospes" "$home/hospes"
chown -R $uid:$uid "$home"
chmod 755 "$home"
as() { setpriv --reuid=$uid --regid=$uid --clear-groups env -i PATH=/usr/bin:/bin HOME="$home" HOSPES_ROOT="$home/root" "$home/hospes" "$@"; }
at_end 'as rm -f "$tag-own" 2>/dev/null'
expect 0 as image import "$home/tree" --name tiny
mount -t tmpfs none /dev/net
mknod -m 600 /dev/net/tun c 10 200
expect 125 as run --rm tiny true
contains "/dev/net/tun, which a network of its own needs: Permission denied"
chmod 666 /dev/net/tun
expect 0 as run --rm tiny ip route
contains "default via 10.0.2.2"
expect 0 as run -d --name "$tag-own" -p 9200:80 tiny sh -c 'while :; do nc -l -p 80 -e echo own; done'
answers own ask tcp 127.0.0.1 9200
expect 0 as update --publish 9201:80 "$tag-own"
answers own outside tcp 192.0.2.1 9201
expect 125 as run --rm --net bridge tiny true
contains "a bridge takes root's rights"
expect 125 as run --rm --net "container:$tag-own" tiny true
contains "cannot share a network"
expect 0 as rm -f "$tag-own"
