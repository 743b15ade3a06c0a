#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# oci-user.sh - containers of an ordinary user: with its own ID alone, and with a range by newuidmap.
# limit: 120
. "$(dirname "$0")/oci/lib.sh"
command -v newuidmap >/dev/null || { echo "newuidmap (package uidmap) is missing"; exit 77; }

id hospes-oci-test >/dev/null 2>&1 && had=yes || had=no
[ $had = yes ] || useradd --no-create-home --home-dir /nonexistent --shell /bin/sh hospes-oci-test
[ $had = yes ] || at_end 'userdel hospes-oci-test >/dev/null 2>&1'
uid=$(id -u hospes-oci-test) gid=$(id -g hospes-oci-test)
first=$(awk -F: '$1 == "hospes-oci-test" { print $2 }' /etc/subuid)
there=$(mktemp -d /tmp/hospes-oci-user.XXXXXX)
at_end 'rm -rf "$there"'
cp -a "$bundle/rootfs" "$there/rootfs"
cp "$oci" "$there/hospes-oci"
mkdir "$there/states"
chown -R "$uid:$gid" "$there"
chmod 755 "$there"
user() { (cd "$there" && timeout 20 setpriv --reuid="$uid" --regid="$gid" --clear-groups env -u XDG_RUNTIME_DIR ./hospes-oci --root "$there/states" "$@" >"$work/out" 2>&1 </dev/null); }
run_user() { rc=0; user "$@" || rc=$?; out=$(cat "$work/out"); }

user_config() { # FILE PYTHON
	python3 - "$there/config.json" "$there/$1" "$2" <<-'P'
		import json, sys
		c = json.load(open(sys.argv[1]))
		c["process"]["terminal"] = False
		exec(sys.argv[3])
		json.dump(c, open(sys.argv[2], "w"))
	P
}
user spec --rootless || fail "spec: $(cat "$work/out")"

say "its own ID alone"
user_config one.json "$(sh_args 'id; cat /proc/self/uid_map; echo x >/dev/null; hostname; ls /dev | grep -c .; exit 6')"
run_user run --config one.json one
[ $rc -eq 6 ] || fail "status $rc: $out"
contains uid=0; contains " $uid "; contains hospes
user_config sleep.json "c['process']['args'] = ['/bin/sleep', '100']"
run_user run --detach --config sleep.json s
[ $rc -eq 0 ] || fail "$out"
run_user exec s /bin/sh -c 'id; ps; exit 4'
[ $rc -eq 4 ] || fail "exec: $rc $out"
contains 'sleep 100'
run_user create --config sleep.json s
[ $rc -ne 0 ] || fail "the name was given twice"
run_user state s; contains running
run_user ps s
[ "$(printf %s "$out" | grep -c .)" -eq 2 ] || fail "ps: $out"
run_user delete --force s
[ $rc -eq 0 ] || fail "$out"

say "a range, by newuidmap"
range="[{'containerID': 0, 'hostID': $uid, 'size': 1}, {'containerID': 1, 'hostID': $first, 'size': 1000}]"
user_config many.json "$(sh_args 'id; cat /proc/self/uid_map; grep Groups /proc/self/status'); c['linux']['uidMappings'] = $range; c['linux']['gidMappings'] = ${range//$uid/$gid}; c['process']['user'] = {'uid': 5, 'gid': 6, 'additionalGids': [7]}"
run_user run --config many.json many
[ $rc -eq 0 ] || fail "status $rc: $out"
contains uid=5; contains "$first"; contains 'Groups:	7'
bad="[{'containerID': 0, 'hostID': 0, 'size': 10}]"
user_config bad.json "c['linux']['uidMappings'] = $bad; c['linux']['gidMappings'] = $bad; c['process']['args'] = ['/bin/true']"
run_user run --config bad.json bad
[ $rc -ne 0 ] || fail "the host's root was mapped"
contains 'newgidmap'
[ -z "$(ls "$there/states")" ] || fail "states are left"
if ps -u "$uid" -o stat=,args= | grep -v "^Z"; then fail "processes are left"; fi
echo "an ordinary user runs containers"
