#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# limit: 400
# The benchmark's workloads compute the same natively and on the soft engine, and what they always did; the guest's clocks go
# as the host's do. How fast it all is is not asserted.
. "$(dirname "$0")/lib.sh"
need_kernel
digests=$top/tests/bench/expect

say "every workload, natively and under soft"
expect 0 "$top/script/bench" cpu -n 1 --quick --engines native,soft --expect "$digests" -o "$work/cpu.json"
for w in $(sed -n '/^#/d;s/ .*//p' "$digests"); do contains "$w "; done
python3 - "$work/cpu.json" <<'PY'
import json, sys
result = json.load(open(sys.argv[1]))
native, soft = (result["runs"][e][0]["work"] for e in ("native", "soft"))
assert native.keys() == soft.keys() and len(soft) > 40, (native.keys() ^ soft.keys())
assert all(w["best_ns"] > 0 and w["runs"] > 0 for w in soft.values())
PY

say "a wrong result is told and fails"
sed 's/^fib .*/fib 0123456789abcdef/' "$digests" >"$work/wrong"
expect 1 "$top/script/bench" cpu -n 1 --quick --engines native --only fib,loop --expect "$work/wrong" -o "$work/cpu.json"
contains "WRONG: fib: 0123456789abcdef expected"

say "an unknown workload is told"
expect 1 "$top/script/bench" cpu -n 1 --only nothing -o "$work/cpu.json"
contains "no such workload"
