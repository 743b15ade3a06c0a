# SPDX-License-Identifier: GPL-2.0-or-later
# lib.sh - a bundle, and runtimes to try on it; sourced by the tests of hospes-oci.
# shellcheck shell=bash disable=SC2154
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

oci=${HOSPES_OCI:-$top/build/hospes-oci}
[ "$(id -u)" -eq 0 ] || { echo "needs root"; exit 77; }
[ -x "$oci" ] || fail "no $oci"
bundle=$work/bundle
states=$work/states
mkdir -p "$bundle"/rootfs/{bin,proc,sys,dev,tmp,etc}
cp "$(command -v busybox)" "$bundle/rootfs/bin/busybox"
for a in sh true cat ls id mount ps echo sleep env stat hostname grep head touch readlink; do ln -s busybox "$bundle/rootfs/bin/$a"; done
at_end 'for c in $("$oci" --root "$states" list -q 2>/dev/null); do "$oci" --root "$states" delete --force "$c"; done'

# configure FILE PYTHON: the default configuration, changed.
configure() {
	python3 - "$bundle/default.json" "$bundle/$1" "$2" <<-'P'
		import json, sys
		c = json.load(open(sys.argv[1]))
		exec(sys.argv[3])
		json.dump(c, open(sys.argv[2], "w"))
	P
}
sh_args() { printf "c['process']['args'] = ['/bin/sh', '-c', '''%s''']" "$1"; }

(cd "$bundle" && "$oci" spec && mv config.json default.json)
configure default.json "c['process']['terminal'] = False; c['ociVersion'] = '1.0.2'"
configure config.json "c['process']['args'] = ['/bin/true']"

field_of() { "$rt" --root "$states" state "$1" 2>/dev/null | sed -n 's/^ *"'"$2"'": "*\([^",]*\)"*,*$/\1/p'; }
pid_of() { field_of "$1" pid; }
status_of() { local s; s=$(field_of "$1" status) || :; echo "${s:-none}"; }
# is STATUS ID: within some seconds (who reaps orphans here may take its time, and crun counts a dead one as running until then)
is() {
	for _ in $(seq 500); do [ "$(status_of "$2")" = "$1" ] && return 0; sleep 0.02; done
	fail "$2 is $(status_of "$2"), not $1"
}
# Which IDs were given: what is left of them is looked for at the end.
given() { case " $* " in *" create "* | *" run "*) echo "${*: -1}" >>"$work/ids" ;; esac; }
o() { given "$@"; "$rt" --root "$states" "$@"; }
# Output goes to a file: a container would hold a pipe open.
try() { rc=0; given "$@"; timeout 20 "$rt" --root "$states" "$@" >"$work/out" 2>&1 </dev/null || rc=$?; out=$(cat "$work/out"); }
yes() { try "$@"; [ $rc -eq 0 ] || fail "$* failed: $out"; }
no() {
	try "$@"
	[ $rc -ne 0 ] || fail "$* should have failed: $out"
	[ "$rt" != "$oci" ] || [ "$(printf '%s' "$out" | grep -c .)" -le 1 ] || fail "$*: more than a line: $out"
}
rt=$oci
cd "$bundle"
configure sleep.json "c['process']['args'] = ['/bin/sleep', '100']"
# inside PYTHON SCRIPT: what the script says in a container of that configuration, in $out
inside() {
	configure inside.json "$(sh_args "$2"); $1"
	try run --config inside.json inside
	[ $rc -eq 0 ] || fail "run: status $rc: $out"
}
refuse() { # PYTHON TEXT
	configure bad.json "$1"
	no run --config bad.json bad
	contains "$2"
	no state bad
}

nothing_left() {
	say "nothing is left"
	[ -z "$(o list -q)" ] || fail "containers are left: $(o list)"
	[ -z "$(ls "$states")" ] || fail "states are left: $(ls -A "$states")"
	# Others may run containers at the same time: only ours are looked for.
	! grep -F "$work" /proc/self/mountinfo || fail "mounts are left"
	[ ! -e "$work/ids" ] || sort -u "$work/ids" | while read -r id; do
		case $id in *[!a-zA-Z0-9_.-]* | "") continue ;; esac
		[ -z "$(find /sys/fs/cgroup -maxdepth 2 -name "hospes-$id")" ] || fail "a cgroup is left of $id"
	done
}
