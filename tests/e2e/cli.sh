#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# limit: 300
# The command line: bad input of every kind is told in one clear line with a status and leaves nothing behind;
# help, man pages, completion and JSON are what they say.
. "$(dirname "$0")/lib.sh"
export HOSPES_ROOT=$work/root
mkdir -p "$HOSPES_ROOT"

# refused WORDS COMMAND...: status 125, nothing on stdout, one line "hospes: ..." with WORDS on stderr, nothing left.
refused() {
	local words=$1 rc=0 before
	shift
	before=$(left_behind)
	"$@" >"$work/out" 2>"$work/err" </dev/null || rc=$?
	printf '$ %s\n%s\n' "$*" "$(cat "$work/err")"
	[ $rc -eq 125 ] || fail "status $rc instead of 125: $*"
	[ ! -s "$work/out" ] || fail "says something on standard output: $*"
	[ "$(wc -l <"$work/err")" -eq 1 ] || fail "not one line: $*"
	grep -q '^hospes: ' "$work/err" || fail "the line does not begin with hospes: $*"
	grep -qF -- "$words" "$work/err" || fail "the line lacks '$words': $*"
	[ "$(left_behind)" = "$before" ] || fail "left behind: $(left_behind)"
}
# Guests, run directories, half images, and processes of ours below this test's root.
left_behind() {
	(cd "$HOSPES_ROOT" && find . -path '*guests/*' -o -path '*run/*' -o -path '*images/*' | grep -vE '/\.(lock|log-|kvm-probe)' | sort)
	grep -lz "^HOSPES_ROOT=$HOSPES_ROOT$" /proc/[0-9]*/environ 2>/dev/null | while read -r p; do
		[ "$(readlink "${p%/environ}/exe")" = "$hospes" ] && echo "process ${p//[^0-9]/}"
	done
	return 0
}

say "words"
refused "unknown verb frobnicate" "$hospes" frobnicate
refused "did you mean start?" "$hospes" strat
refused "unknown option --frob" "$hospes" --frob
refused "run: unknown option --foo (see hospes run --help)" "$hospes" run --foo
refused "did you mean --memory?" "$hospes" run --vm --memroy 1G debian
refused "unknown option -x" "$hospes" ps -x
refused "NAME... is missing" "$hospes" stop
refused "one word too many: extra" "$hospes" ps extra
refused "--memory: not a size: lots" "$hospes" run --vm --memory lots debian
refused "--cpus: not a number: two" "$hospes" run --vm --cpus two debian
refused "--engine: not one of auto|kvm|soft: fast" "$hospes" run --vm --engine fast debian
refused "is for containers" "$hospes" run --vm --net bridge debian
refused "--net: one of auto, bridge, user, none, host, container:NAME" "$hospes" run --vm --net nonsense debian
refused "--name: flag needs an argument" "$hospes" run --vm --name
refused "not a port to publish: http" "$hospes" run --vm -p http debian
refused "unknown verb image frob" "$hospes" image frob
refused "no image called" "$hospes" run debian true
refused "is for containers" "$hospes" run --vm --cap-add CHOWN debian
refused "needs --vm" "$hospes" run --engine soft debian
refused "not a number of processors" "$hospes" run --cpus many debian
refused "no-such-bit" "$hospes" run --vm --engine-debug step,no-such-bit debian

say "things that are not there"
refused "nothing" "$hospes" run --vm nothing
for verb in stop kill start pause resume wait logs console inspect rm; do
	refused "nobody" "$hospes" $verb nobody
done
refused "nobody" "$hospes" exec nobody true
refused "nothing" "$hospes" image rm nothing
refused "$work/none" "$hospes" image import "$work/none"
refused "$work/none" "$hospes" run --vm --kernel "$work/none" --console stdio
expect 0 "$hospes" ps
expect 0 "$hospes" image ls

say "names that are none"
for name in ../x a/b '' . -x 'a b' "$(printf 'a%.0s' {1..200})"; do
	refused "name" "$hospes" run --vm --name="$name" debian
done

say "kernels that are none"
head -c 100000 /dev/urandom >"$work/noise"
: >"$work/empty"
refused "$work/noise" "$hospes" run --vm --kernel "$work/noise" --console stdio
refused "$work/empty" "$hospes" run --vm --kernel "$work/empty" --console stdio
refused "$work" "$hospes" run --vm --kernel "$work" --console stdio
python3 - "$work/arm" <<'PY'
import struct, sys
elf = b"\x7fELF\2\1\1" + bytes(9) + struct.pack("<HHIQQQIHHHHHH", 2, 183, 1, 0, 64, 0, 0, 64, 56, 0, 0, 0, 0)
open(sys.argv[1], "wb").write(elf + bytes(4096))
PY
refused "$work/arm" "$hospes" run --vm --kernel "$work/arm" --console stdio
need_kernel
head -c 200000 "$kernel" >"$work/cut"
refused "$work/cut" "$hospes" run --vm --kernel "$work/cut" --console stdio
refused "$work/none" "$hospes" run --vm --kernel "$kernel" --initrd "$work/none" --console stdio

say "more than the host has"
refused "at most" "$hospes" run --vm --kernel "$kernel" --memory 900T --console stdio
refused "memory" "$hospes" run --vm --kernel "$kernel" --memory 60T --console stdio
refused "memory" "$hospes" run --vm --kernel "$kernel" --memory 1M --console stdio
refused "cpus" "$hospes" run --vm --kernel "$kernel" --cpus 0 --console stdio
refused "cpus" "$hospes" run --vm --kernel "$kernel" --cpus 1000 --console stdio

say "names, ports and guests that are taken"
need_initrd "$work/i.gz" 'echo STANDING; while read -r line; do echo "GOT $line"; [ "$line" = off ] && poweroff -f; done; sleep 1000'
guests+=(t-one t-two)
port=$((20000 + RANDOM % 20000))
machine=(run --vm -d --engine soft --memory 128M --kernel "$kernel" --initrd "$work/i.gz" --append "console=ttyS0 quiet")
expect 0 "$hospes" "${machine[@]}" --name t-one -p 127.0.0.1:$port:80
[ "$out" = t-one ] || fail "run -d prints something else than the name"
refused "t-one" "$hospes" "${machine[@]}" --name t-one
refused "$port" "$hospes" "${machine[@]}" --name t-two -p 127.0.0.1:$port:80
refused "t-one" "$hospes" start t-one
refused "t-one" "$hospes" rm t-one
expect 0 "$hospes" ps -q
[ "$out" = t-one ] || fail "ps -q: $out"
expect 0 "$hospes" inspect t-one
[ "$(python3 -c 'import json, sys; print(json.load(sys.stdin)[0]["ports"])' <<<"$out")" = "['127.0.0.1:$port->80/tcp']" ] || fail "inspect does not tell the port"

say "paused it does not answer, resumed it does; the console is shown and written to"
for _ in $(seq 300); do "$hospes" logs t-one | grep -q STANDING && break; sleep 0.2; done
expect 0 "$hospes" pause t-one
expect 0 "$hospes" ps
contains paused
expect 0 "$hospes" resume t-one
{ echo hello; sleep 2; printf '\x1d'; sleep 1; } | timeout 20 script -qefc "$hospes console t-one" /dev/null >"$work/console" || fail "console ended with status $?"
tr -d '\r' <"$work/console" | tail -5
grep -q "GOT hello" "$work/console" || fail "what was typed did not arrive"

say "wait, logs -f and a guest that switches itself off"
"$hospes" wait t-one >"$work/waited" &
waiter=$!
timeout 60 "$hospes" logs -f t-one >"$work/followed" &
follower=$!
{ echo off; sleep 2; } | timeout 20 script -qefc "$hospes console t-one" /dev/null >/dev/null || :
wait $waiter || fail "wait ended with status $?"
[ "$(cat "$work/waited")" = 0 ] || fail "wait says $(cat "$work/waited")"
wait $follower || fail "logs -f ended with status $?"
grep -q "GOT off" "$work/followed" || fail "logs -f did not follow to the end"
refused "t-one" "$hospes" stop t-one
refused "t-one" "$hospes" exec t-one true
expect 0 "$hospes" rm t-one
[ -z "$(left_behind)" ] || fail "left behind: $(left_behind)"

say "Ctrl-C while it starts, and while it runs, leaves nothing"
for after in 0.05 0.3 1.5; do
	setsid timeout -k 5 -s INT $after "$hospes" run --vm --engine soft --memory 128M --kernel "$kernel" --initrd "$work/i.gz" \
		--append "console=ttyS0 quiet" --console stdio </dev/zero >"$work/out" 2>"$work/err" && fail "interrupted, and still a success"
	cat "$work/err"
	[ -z "$(left_behind)" ] || fail "left behind: $(left_behind)"
	setsid timeout -k 5 -s INT $after "$hospes" "${machine[@]}" --name t-two >"$work/out" 2>&1 || :
	[ "$(cat "$work/out")" = t-two ] && "$hospes" rm -f t-two
	[ -z "$(left_behind)" ] || fail "left behind: $(left_behind)"
done

say "images that are none"
printf 'QFI\xfb\0\0\0\3' >"$work/cut.qcow2"
refused "$work/cut.qcow2" "$hospes" image import "$work/cut.qcow2"
head -c 1000 /dev/urandom | gzip >"$work/cut.tar.gz"
refused "$work/cut.tar.gz" "$hospes" image import "$work/cut.tar.gz"
refused "$work/empty" "$hospes" image import "$work/empty"

say "no space left"
mkdir -p "$work/tree/bin"
cp "$(command -v busybox)" "$work/tree/bin/sh"
head -c 20000000 /dev/urandom >"$work/tree/large"
# shellcheck disable=SC2016
full='mount -t tmpfs -o size=8M none "$HOSPES_ROOT"; "$@"; rc=$?; find "$HOSPES_ROOT" -name "*.raw" >&2; exit $rc'
refused "No space left" unshare -m sh -c "$full" - "$hospes" image import "$work/tree"

say "an ordinary user: no permission on /dev/kvm is told, and machines run all the same"
home=$(mktemp -d /tmp/hospes-test.XXXXXX)
at_end 'rm -rf "$home"'
cp "$hospes" "$kernel" "$work/i.gz" "$home"
chmod 755 "$home"
mkdir "$home/root"
chown 65534:65534 "$home/root"
as_nobody() { HOSPES_ROOT=$home/root setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }
boots=("$home/hospes" run --vm --kernel "$home/vmlinuz" --initrd "$home/i.gz" --append "console=ttyS0 quiet" --memory 128M)
if [ -e /dev/kvm ] && ! as_nobody test -w /dev/kvm; then
	refused "/dev/kvm" as_nobody "${boots[@]}" --engine kvm
fi
rc=0
out=$(echo off | as_nobody timeout 60 "${boots[@]}" -p 127.0.0.1:$port:80 --console stdio 2>&1) || rc=$?
tail -3 <<<"$out"
[ $rc -eq 0 ] || fail "status $rc of an ordinary user's machine"
contains "GOT off"
rm -rf "$home"

say "a reader that goes away is no crash"
"$hospes" --help | true
rc=0
"$hospes" doctor >/dev/full 2>"$work/err" || rc=$?
cat "$work/err"
[ $rc -eq 125 ] || fail "a full disk under standard output went unnoticed"

say "JSON is JSON"
for list in "ps -a" "image ls" doctor; do
	"$hospes" $list --json | python3 -m json.tool >/dev/null || fail "$list --json"
done

say "each verb has help, and a man page without complaints"
verbs=$("$hospes" man --list | sed -n 's/^hospes-//p')
for verb in $verbs; do
	case $verb in image-*) words=${verb/-/ } ;; *) words=$verb ;; esac
	expect 0 "$hospes" $words --help >/dev/null
	contains "Usage: hospes $words"
	[ "$out" = "$("$hospes" help $words)" ] || fail "hospes help $words says something else"
	[ -z "$(awk 'length > 80' <<<"$out")" ] || fail "help of $words is wider than 80 columns"
done
for page in hospes $(printf 'hospes-%s ' $verbs); do
	"$hospes" man "$page" >"$work/page.1"
	for part in '^.TH ' '^.SH NAME' '^.SH SYNOPSIS' '^.SH DESCRIPTION' '^.SH EXIT STATUS'; do
		grep -q "$part" "$work/page.1" || fail "$page lacks $part"
	done
	if command -v groff >/dev/null; then
		complaints=$(groff -man -Tutf8 -ww "$work/page.1" 2>&1 >"$work/page.txt")
		[ -z "$complaints" ] || fail "$page: $complaints"
		grep -q NAME "$work/page.txt" || grep -q 'N.NA.A' "$work/page.txt" || fail "$page renders to nothing"
	fi
done

say "completion"
complete_words() { # WORD...: what the last word is completed to
	bash -c 'eval "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _hospes 2>/dev/null; echo "${COMPREPLY[@]}"' - \
		"$("$hospes" completion)" "$hospes" "$@"
}
[ "$(complete_words inspe)" = inspect ] || fail "inspe is completed to: $(complete_words inspe)"
[ "$(complete_words run --engine s)" = soft ] || fail "--engine s is completed to: $(complete_words run --engine s)"
[ "$(complete_words run --memo)" = "--memory --memory-swap" ] || fail "--memo is completed to: $(complete_words run --memo)"
[ "$(complete_words top --sort m)" = memory ] || fail "--sort m is completed to: $(complete_words top --sort m)"
[ "$(complete_words inspect --st)" = --stats ] || fail "--st is completed to: $(complete_words inspect --st)"
[ "$(complete_words image imp)" = import ] || fail "image imp is completed to: $(complete_words image imp)"
case $(complete_words "") in *run*ps*image*doctor*) ;; *) fail "verbs: $(complete_words "")" ;; esac

say "installed, it is whole"
DESTDIR=$work/dest expect 0 "$top/script/install" /opt/hospes
for f in bin/hospes share/man/man1/hospes.1 share/man/man1/hospes-run.1 share/man/man1/hospes-image-build.1 \
	share/bash-completion/completions/hospes; do
	[ -s "$work/dest/opt/hospes/$f" ] || fail "not installed: $f"
done
expect 0 "$work/dest/opt/hospes/bin/hospes" --version
contains "hospes 0"
expect 0 env PATH=/usr/bin:/bin "$work/dest/opt/hospes/bin/hospes" doctor
