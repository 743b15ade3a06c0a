#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# limit: 300
# `hospes update`: limits and mounts of containers that run, and of those that do not.
. "$(dirname "$0")/lib.sh"
need_image
if [ "$(id -u)" -ne 0 ]; then
	echo "SKIP: needs root"
	exit 0
fi
tag=u$$
name=$tag-web
mkdir -p "$work/data/below" "$work/more"
echo host >"$work/data/file"
mount -t tmpfs below "$work/data/below"
at_end "umount $work/data/below"
in_it() { "$hospes" exec "$name" sh -c "$1"; }
# limit FILE-OF-V1 FILE-OF-V2: what its cgroup has
limit() {
	local d
	for d in $(find /sys/fs/cgroup -maxdepth 3 -type d -name "hospes-*$name*"); do
		cat "$d/$1" "$d/$2" 2>/dev/null || :
	done
}

guests+=("$name")
expect 0 "$hospes" run --net none -d --name "$name" debian sleep 5321

say "limits, at once"
expect 0 "$hospes" update --memory 64M --cpus 0.5 --pids 20 "$name"
expect 0 limit memory.limit_in_bytes memory.max
contains 67108864
expect 0 limit none pids.max
contains 20
expect 0 limit cpu.cfs_quota_us cpu.max
contains 50000
expect 0 "$hospes" inspect "$name"
contains 67108864
expect 0 "$hospes" update -m none -c none "$name"
expect 0 limit cpu.cfs_quota_us cpu.max
[ "$out" = -1 ] || contains max
expect 0 limit memory.limit_in_bytes memory.max
[ "$out" = max ] || [ "$out" -gt 1000000000000 ] || fail "a limit is left: $out"

say "mounts, at once"
expect 0 "$hospes" update --mount "$work/data:/srv/data:ro" -v "$work/data/file:/etc/extra" "$name"
expect 0 in_it 'cat /srv/data/file /etc/extra'
contains "host
host"
expect 1 in_it 'touch /srv/data/x'
expect 1 in_it 'touch /srv/data/below/x'
expect 0 in_it 'echo new >/etc/extra'
[ "$(cat "$work/data/file")" = new ] || fail "not written"
expect 0 "$hospes" pause "$name"
(cd "$work" && expect 0 "$hospes" update -v ./more:/more "$name")
expect 0 "$hospes" resume "$name"
expect 0 in_it 'touch /more/made'
[ -e "$work/more/made" ] || fail "not the host's folder"

say "links in the container stay in it"
expect 0 in_it 'mkdir /real && ln -s /real /link && ln -s ../../../../../../etc /up'
expect 0 "$hospes" update --mount "$work/more:/link/in" --mount "$work/more:/up/in" "$name"
expect 0 in_it 'ls /real/in/made /etc/in/made'
[ ! -e /etc/in ] || fail "made on the host"
expect 0 "$hospes" update --unmount /link/in --unmount /up/in "$name"
expect 2 in_it 'ls /real/in/made'
expect 0 "$hospes" update --mount "$work/data/file:/real/keys" "$name"
expect 0 in_it 'mv /real /gone && ln -s /proc /real'
expect 125 "$hospes" update --mount "$work/data/file:/real/timer_list" "$name"
expect 0 "$hospes" update --unmount /real/keys "$name"
expect 0 in_it 'wc -c </proc/keys'
[ "$out" = 0 ] || fail "what was hidden is seen"

say "all or nothing, in one line"
expect 125 "$hospes" update --memory 128M --mount "$work/more:/again" --mount /no/such:/x "$name"
contains "/no/such"
expect 1 in_it 'test -e /again'
expect 125 "$hospes" update --memory 128M --mount "$work/more:/again" --mount "$work/more:/etc/passwd" "$name"
[ "$(wc -l <<<"$out")" -eq 1 ] || fail "more than a line"
expect 1 in_it 'test -e /again/made'
expect 0 limit memory.limit_in_bytes memory.max
[ "$out" != 134217728 ] || fail "the limit stayed"
expect 125 "$hospes" update --mount "$work/data:/more" "$name"
contains "already"
expect 125 "$hospes" update --mount "$work/data:/proc" "$name"
expect 125 "$hospes" update --unmount /proc "$name"
contains "/proc"
expect 125 "$hospes" update --mount "relative:/x" "$name"
expect 125 "$hospes" update --memory 0 "$name"
expect 125 "$hospes" update --memory 10 "$name"
expect 125 "$hospes" update --cpus much "$name"
expect 125 "$hospes" update --pids 0 "$name"
expect 125 "$hospes" update "$name"
contains "nothing is to be changed"
expect 125 "$hospes" update --pids 10 nobody-here

say "they come again with the next start"
expect 0 "$hospes" kill "$name"
expect 0 "$hospes" start "$name"
expect 0 in_it 'cat /srv/data/file; ls /more/made'
expect 1 in_it 'touch /srv/data/below/x'
expect 0 limit none pids.max
contains 20
expect 0 "$hospes" update --unmount /srv/data --unmount /etc/extra "$name"
expect 1 in_it 'test -e /srv/data/file'

say "and of one that does not run"
expect 0 "$hospes" kill "$name"
expect 0 "$hospes" update --unmount /more --mount "$work/data:/later" --pids 30 "$name"
expect 125 "$hospes" update --unmount /more "$name"
expect 125 "$hospes" update --mount /no/such:/x "$name"
expect 0 "$hospes" start "$name"
expect 0 in_it 'cat /later/file; test ! -e /more/made'
expect 0 limit none pids.max
contains 30
expect 0 "$hospes" rm -f "$name"
