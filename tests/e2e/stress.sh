#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# limit: 900
# Heavy work in the guest gives right results: stress-ng with verification, crypto, a compiler.
. "$(dirname "$0")/lib.sh"
need_image
guests+=(t-stress)
expect 0 "$hospes" run --vm -d --name t-stress --engine soft --cpus 2 --memory 1G --disk 4G debian

say "stress-ng verifies itself for 60 s"
expect 0 "$hospes" exec t-stress stress-ng --cpu 2 --vm 1 --vm-bytes 256M --verify --timeout 60s --metrics-brief

say "crypto: the same digests and ciphertexts as on the host"
crypto='for a in sha1 sha256 sha512 sha3-256 blake2b512 md5; do openssl dgst -$a /tmp/in; done
	for c in aes-128-ctr aes-256-cbc chacha20; do printf "$c "; openssl enc -$c -K $(printf "%064d" 7 | head -c $([ $c = aes-128-ctr ] && echo 32 || echo 64)) -iv 00000000000000000000000000000001 -in /tmp/in | sha256sum; done
	openssl prime -generate -bits 64 >/dev/null && openssl ecparam -name prime256v1 -genkey -noout -out /tmp/k && openssl dgst -sha256 -sign /tmp/k -out /tmp/s /tmp/in && openssl ec -in /tmp/k -pubout -out /tmp/p 2>/dev/null && openssl dgst -sha256 -verify /tmp/p -signature /tmp/s /tmp/in'
seq 200000 >/tmp/in.$$
host=$(sed "s#/tmp/#$work/#g" <<<"$crypto" >"$work/crypto.sh"; mv /tmp/in.$$ "$work/in"; sh "$work/crypto.sh" | sed "s#$work#/tmp#g")
expect 0 "$hospes" exec t-stress sh -c "seq 200000 >/tmp/in; $crypto"
[ "$out" = "$host" ] || fail "the host says: $host"

say "gcc makes the same bytes inside as outside"
source='#include <stdio.h>
struct s { int a[64]; double d; } x[8];
static unsigned h(const char *p) { unsigned v = 5381; while (*p) v = v * 33 + (unsigned char)*p++; return v; }
double f(double *v, int n) { double s = 0; for (int i = 0; i < n; i++) s += v[i] * v[n - 1 - i]; return s; }
int main(int c, char **v) { for (int i = 0; i < 64; i++) x[c & 7].a[i] = h(v[0]) >> (i & 31); return printf("%d %f\n", x[1].a[3], f(&x[0].d, 1)) < 0; }'
for level in -O0 -O2 -O3; do
	outside=$(printf '%s\n' "$source" | gcc $level -S -o - -x c - | sha256sum)
	expect 0 "$hospes" exec t-stress sh -c "printf '%s\n' '$source' | gcc $level -S -o - -x c - | sha256sum"
	contains "$outside"
done
expect 0 "$hospes" exec t-stress sh -c 'dmesg | grep -E "BUG:|Oops|segfault|general protection|lockup|stuck" || echo QUIET'
contains QUIET
