#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# oci-labels.sh - AppArmor profiles and SELinux labels, in machines of our own whose kernels have them.
# limit: 280
. "$(dirname "$0")/oci/lib.sh"

need_image

# machine NAME APPEND: one with the bundle and what is in $work/send, in /b
machine() {
	machine=$1-$$
	guests+=("$machine")
	"$hospes" run --vm -d --engine soft --name "$machine" --memory 384M ${2:+--append "$2"} debian
	cp "$oci" "$work/send/hospes-oci"
	tar -C "$work" -cf - send -C "$bundle" rootfs | "$hospes" exec -i "$machine" sh -c 'mkdir /b && tar -C /b -xf - && mv /b/send/* /b/'
}
run_inside() {
	rc=0; out=$(cat "$work/common.sh" - | timeout 100 "$hospes" exec -i "$machine" sh 2>&1) || rc=$?
	printf '%s\n' "$out"
	[ $rc -eq 0 ] || fail "status $rc"
	contains "all of it"
	"$hospes" stop "$machine" >/dev/null
}
cat >"$work/common.sh" <<'G'
set -eu
cd /b
o() { ./hospes-oci "$@" </dev/null 2>&1; }
fail() { echo "FAILED: $*"; exit 1; }
contains() { case $1 in *"$2"*) ;; *) fail "\"$2\" is not in: $1" ;; esac; }
o spec
sed -i 's/"terminal": true/"terminal": false/' config.json
# config FILE PROCESS-FIELD SHELL-COMMAND
config() { field=$2 command=$3 perl -0pe 's/"args": \[\s*"sh"\s*\]/"args": ["sh", "-c", "$ENV{command}"], $ENV{field}/' config.json >"$1"; }
G
mkdir "$work/send"

say "a process runs under the AppArmor profile that it names"
cat >"$work/profile" <<-'P'
	profile hospes-test flags=(attach_disconnected) {
	  file,
	  signal,
	  deny /tmp/secret r,
	}
P
apparmor_parser -S -Q "$work/profile" >"$work/send/profile.bin" 2>/dev/null
machine apparmor ""
run_inside <<'G'
[ "$(cat /sys/module/apparmor/parameters/enabled)" = Y ] || fail "a kernel without AppArmor"
mount -t securityfs s /sys/kernel/security
cat profile.bin >/sys/kernel/security/apparmor/.load
echo hidden >rootfs/tmp/secret
config aa.json '"apparmorProfile": "hospes-test"' 'cat /proc/self/attr/current; cat /tmp/secret; echo status $?'
out=$(o run -f aa.json a)
contains "$out" 'hospes-test (enforce)'; contains "$out" 'Permission denied'; contains "$out" 'status 1'
config no.json '"apparmorProfile": "unheard-of"' 'true'
! out=$(o run -f no.json a) || fail "an unknown profile: $out"
contains "$out" 'process.apparmorProfile: unheard-of'
config plain.json '"apparmorProfile": ""' 'sleep 100'
o run -d -f plain.json b >/dev/null
contains "$(o exec --apparmor hospes-test b cat /proc/self/attr/current)" 'hospes-test (enforce)'
contains "$(o exec b cat /proc/self/attr/current)" unconfined
o delete --force b
echo all of it
G

say "a process and its new file systems carry the SELinux labels that they name"
cat >"$work/policy.conf" <<-'P'
	class security
	class process
	class file
	class dir
	class filesystem
	sid kernel
	sid unlabeled
	sid file
	class security { compute_av }
	class process { fork transition dyntransition setexec }
	class file { read entrypoint }
	class dir { search }
	class filesystem { mount }
	type base_t;
	type box_t;
	role base_r;
	role base_r types { base_t box_t };
	allow base_t self:process { fork };
	user base_u roles { base_r };
	sid kernel base_u:base_r:base_t
	sid unlabeled base_u:base_r:base_t
	sid file base_u:base_r:base_t
	fs_use_trans tmpfs base_u:base_r:base_t;
	genfscon proc / base_u:base_r:base_t
P
checkpolicy -U allow -c 33 -o "$work/send/policy.bin" "$work/policy.conf" >/dev/null
machine selinux security=selinux
run_inside <<'G'
mount -t selinuxfs s /sys/fs/selinux
cat policy.bin >/sys/fs/selinux/load
config se.json '"selinuxLabel": "base_u:base_r:box_t"' 'cat /proc/self/attr/current; grep /dev/shm /proc/mounts'
sed -i 's|"linux": {|"linux": {"mountLabel": "base_u:base_r:box_t",|; s/"noNewPrivileges": true/"noNewPrivileges": false/' se.json
out=$(o run -f se.json a | tr -d '\0')
contains "$out" base_u:base_r:box_t; contains "$out" 'context='
config no.json '"selinuxLabel": "nobody:base_r:box_t"' 'true'
! out=$(o run -f no.json a) || fail "a label that is none: $out"
contains "$out" 'process.selinuxLabel: nobody:base_r:box_t'
config plain.json '"selinuxLabel": ""' 'sleep 100'
sed -i 's/"noNewPrivileges": true/"noNewPrivileges": false/' plain.json
o run -d -f plain.json b >/dev/null
contains "$(o exec --process-label base_u:base_r:box_t b cat /proc/self/attr/current | tr -d '\0')" base_u:base_r:box_t
contains "$(o exec b cat /proc/self/attr/current | tr -d '\0')" base_u:base_r:base_t
o delete --force b
echo all of it
G
echo "labels of both kinds"
