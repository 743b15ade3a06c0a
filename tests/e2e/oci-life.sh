#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# oci-life.sh - each operation in each state, and misuse: the same for crun, runc and hospes-oci.
# limit: 600
. "$(dirname "$0")/oci/lib.sh"

mkdir -p sleep seven
configure sleep/config.json "c['process']['args'] = ['/bin/sleep', '100']; c['root']['path'] = '$bundle/rootfs'"
configure seven/config.json "$(sh_args 'echo out; echo err >&2; exit 7'); c['root']['path'] = '$bundle/rootfs'"
at_end 'for r in crun runc; do command -v $r >/dev/null && for c in $($r --root "$states-$r" list -q 2>/dev/null); do $r --root "$states-$r" delete --force "$c"; done; done >/dev/null 2>&1'

# What an operation makes of a state, as the specification has it; "-": refused, and nothing changes.
operations=(create start signal kill pause resume exec delete force)
table='
none      created  -        -        -        -        -        -        -        none
created   -        running  created  stopped  paused   -        created  -        none
running   -        -        running  stopped  paused   -        running  -        none
paused    -        -        paused   stopped  -        resumed  -        -        none
stopped   -        -        -        -        -        -        -        none     none
'
# Where others are known to differ: RUNTIME STATE OPERATION: what comes of it there.
differences='
crun created delete: none
crun created pause: created
crun created resume: created
crun running resume: running
crun paused pause: paused
crun paused kill: paused
runc created delete: none
'
result() { # STATE OPERATION EXPECTED
	local other
	other=$(sed -n "s/^$name $1 $2: //p" <<<"$differences")
	echo "${other:-$3}"
}

run_operation() { # OPERATION ID
	case $1 in
	create) try create --bundle sleep "$2" ;;
	signal) try kill "$2" CONT ;;
	kill) try kill "$2" KILL ;;
	exec) try exec "$2" /bin/true ;;
	force) try delete --force "$2" ;;
	*) try "$1" "$2" ;;
	esac
}

make() { # STATE ID
	[ "$1" = none ] || yes create --bundle sleep "$2"
	case $1 in
	running) yes start "$2" ;;
	paused) yes start "$2"; yes pause "$2" ;;
	stopped) yes start "$2"; yes kill "$2" KILL; is stopped "$2" ;;
	esac
	is "$1" "$2"
}

each_operation_in_each_state() {
	local state op want i=0 cells
	while read -r state cells; do
		[ -n "$state" ] || continue
		set -- $cells
		for op in "${operations[@]}"; do
			want=$(result "$state" "$op" "$1")
			shift
			i=$((i + 1))
			make "$state" "l$i"
			run_operation "$op" "l$i"
			case $want in
			-) [ $rc -ne 0 ] || fail "$op of a container that is $state should be refused"; is "$state" "l$i" ;;
			*) [ $rc -eq 0 ] || fail "$op of a container that is $state: $out"; is "${want/resumed/running}" "l$i" ;;
			esac
			try delete --force "l$i"
			is none "l$i"
		done
	done <<<"$table"
}

# Not with crun 1.8: it removes what an ID of ".." leads to.
strange_ids() {
	local id long
	[ "$name" != crun ] || return 0
	long=$(printf 'x%.0s' $(seq 1500))
	for id in '' . .. ../x a/b /abs 'a b' $'a\nb' "$long" $'\xff' '*'; do
		no create --bundle sleep "$id"
		no state "$id"
		no start "$id"
		no kill "$id" KILL
		no delete "$id"
	done
	[ ! -e "$states/../x" ] && [ ! -e /abs ] || fail "an ID led out of the folder of states"
}

misuse() {
	local id
	strange_ids
	no create
	no start
	no state
	no kill
	no delete
	no create --bundle "$work/missing" m
	mkdir -p empty && no create --bundle empty m
	no create --bundle config.json m
	no create --bundle sleep --pid-file "$work/no/such/folder" m
	no create --bundle sleep --console-socket "$work/nobody" m
	is none m
	yes create --bundle sleep m
	case $name in
	crun) ;; # takes what it does not know for signal 0
	runc) for id in NOSUCH SIGNOSUCH 1x; do no kill m "$id"; done ;;
	*) for id in NOSUCH SIGNOSUCH 1x '' 65 -1 SIGRTMAX+1; do no kill m "$id"; done ;;
	esac
	yes start m
	for id in 0 CONT SIGCONT cont 18; do [ "$name$id" = runc0 ] || yes kill m "$id"; done
	is running m
	rc=0; o exec m /bin/sh -c 'exit 5' || rc=$?
	[ $rc -eq 5 ] || fail "exec ended with $rc, not 5"
	no exec m /bin/nosuch
	o ps m | grep -q "$(pid_of m)" || fail "ps does not show the process"
	o list | grep -q "^m " || fail "list does not show it"
	yes kill m KILL
	is stopped m
	yes delete m
	no delete m
	no state m
	yes delete --force m
	rc=0; out=$(o run --bundle seven m 2>/dev/null) || rc=$?
	[ "$rc $out" = "7 out" ] || fail "run: $rc $out"
	is none m
	yes run --detach --pid-file "$work/pid" --bundle sleep m
	[ "$(cat "$work/pid")" = "$(pid_of m)" ] || fail "the pid file says something else"
	yes kill m 15 # the first process of a pid namespace ignores what it has no handler for
	is running m
	yes delete --force m
}

# The configuration as it was at create is what counts; what the program is, is known before start.
changes_after_create() {
	mkdir -p changing
	cp seven/config.json changing/config.json
	yes create --bundle changing ch
	cp sleep/config.json changing/config.json
	yes start ch
	is stopped ch
	yes delete ch
	configure changing/config.json "c['process']['args'] = ['/bin/nosuch']; c['root']['path'] = '$bundle/rootfs'"
	try create --bundle changing ch
	[ $rc -ne 0 ] || { try start ch; [ $rc -ne 0 ] || fail "a program that is not there was started"; }
	try delete --force ch
	is none ch
}

# A hook that fails before the program runs ends the container; later ones are only told of.
failing_hooks() {
	local point id
	mkdir -p hooked
	for point in prestart createRuntime createContainer startContainer poststart poststop; do
		rm -f "$work/after"
		id=h-$point
		configure hooked/config.json "c['process']['args'] = ['/bin/sleep', '100']; c['root']['path'] = '$bundle/rootfs'
c['hooks'] = {'$point': [{'path': '/bin/false'}]}
c['hooks'].setdefault('poststop', []).append({'path': '/bin/touch', 'args': ['touch', '$work/after']})"
		[ -e "$bundle/rootfs/bin/false" ] || ln -s busybox "$bundle/rootfs/bin/false"
		try create --bundle hooked "$id"
		case $point in
		prestart | createRuntime | createContainer) [ $rc -ne 0 ] || fail "create with a failing $point hook"; is none "$id"; continue ;;
		esac
		[ "$name$point" != runcpoststart ] || continue # which it runs at create already
		[ $rc -eq 0 ] || fail "create: $out"
		try start "$id"
		case $point in
		startContainer) [ "$name$rc" != hospes-oci0 ] || fail "start with a failing $point hook"; is stopped "$id" ;;
		poststart) [ "$name$rc" != hospes-oci1 ] || fail "start with a failing poststart hook: $out" ;;
		*) [ $rc -eq 0 ] || fail "start: $out" ;;
		esac
		try delete --force "$id"
		[ "$name" != hospes-oci ] || is none "$id" # the others need some time, or another try
		[ "$name" != hospes-oci ] || [ -e "$work/after" ] || fail "$point: the poststop hook behind was left out"
	done
}

whole_life() { # RUNTIME
	rt=$1 name=$(basename "$1")
	[ "$rt" = "$oci" ] && name=hospes-oci || states=$states-$name
	say "$name: each operation in each state"
	each_operation_in_each_state
	say "$name: misuse"
	misuse
	say "$name: changes after create"
	changes_after_create
	say "$name: failing hooks"
	failing_hooks
}

# crun refuses hybrid cgroups, so it gets a view without the v2 part.
if command -v crun >/dev/null; then
	export bundle states work oci top table differences
	export -f $(declare -F | cut -d' ' -f3)
	operations="${operations[*]}" unshare -m bash -euc 'umount /sys/fs/cgroup/unified 2>/dev/null || :; operations=($operations); whole_life "$(command -v crun)"'
fi
if command -v runc >/dev/null; then (whole_life "$(command -v runc)") || exit 1; fi
whole_life "$oci"

# ---- what is ours alone ----

say "while it is created"
mkfifo "$work/go"
configure hooked/config.json "c['process']['args'] = ['/bin/sleep', '100']; c['root']['path'] = '$bundle/rootfs'
c['hooks'] = {'createRuntime': [{'path': '/bin/cat', 'args': ['cat', '$work/go']}]}"
making() { o create --bundle hooked cr >"$work/made" 2>&1 </dev/null & maker=$!; is creating cr; }
making
for op in create start signal pause resume exec delete; do
	run_operation $op cr
	[ $rc -ne 0 ] || fail "$op while it is created"
	is creating cr
done
echo >"$work/go"
wait $maker || fail "create: $(cat "$work/made")"
is created cr
yes delete --force cr
making
yes delete --force cr & deleter=$!
sleep 0.2
echo >"$work/go"
wait $deleter
! wait $maker || fail "a container was made although it was deleted"
is none cr

say "what is paused before it starts"
yes create --bundle sleep p
yes pause p
no start p
contains "is paused"
is paused p
yes resume p
is created p
yes start p
yes delete --force p

say "the state that hooks are given"
cat >"$work/hook" <<-'H'
	#!/bin/sh
	printf '%s %s\n' "$1" "$(tr ',' '\n' | grep -E '"(status|pid)"' | tr '\n' ' ')" >>"$2"
H
chmod +x "$work/hook"
hook() { printf "'%s': [{'path': '$work/hook', 'args': ['hook', '%s', '$work/told'], 'env': ['PATH=/usr/bin:/bin']}]," "$1" "$1"; }
configure hooked/config.json "c['process']['args'] = ['/bin/sh', '-c', 'grep -c . /tmp/state; cat /tmp/state >&2']; c['root']['path'] = '$bundle/rootfs'
c['mounts'].append({'destination': '/tmp', 'type': 'tmpfs', 'source': 't'})
c['hooks'] = {$(hook prestart)$(hook createRuntime)$(hook createContainer)$(hook poststart)$(hook poststop) 'startContainer': [{'path': '/bin/sh', 'args': ['sh', '-c', 'cat >/tmp/state']}]}"
out=$(o run --bundle hooked st 2>&1)
contains '"status":"created","pid":1,' # as seen inside
sed 's/"pid":[1-9][0-9]\{2,\}/"pid":N/' "$work/told" >"$work/told.plain"
diff - "$work/told.plain" <<-'T' || fail "hooks are told something else"
	prestart "status":"creating" "pid":N 
	createRuntime "status":"creating" "pid":N 
	createContainer "status":"creating" "pid":1 
	poststart "status":"running" "pid":N 
	poststop "status":"stopped" "pid":N 
T

nothing_left
echo "the life of containers is as the specification says"
