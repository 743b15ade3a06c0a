# SPDX-License-Identifier: GPL-2.0-or-later
"""cpu: one static program natively, under soft and under TCG."""
import math
import os
import pathlib
import re
import statistics
import subprocess
import sys
import threading
import time

from common import ASSETS, TOP, cpio, goal, goal_header, kernel, soft, tcg, told

MIB = 768
PROGRAM = TOP / "build" / "tests" / "bench" / "cpubench"
SOURCE = ASSETS / "bench-source.i"
RAMDISK = ASSETS / "bench-cpu.cpio"
LIMIT = 900  # seconds for one pass of one engine
# Neither engine shows AVX-512: the host's libraries shall not use it either, or a missing feature is measured, not speed.
NO_AVX512 = {"OPENSSL_ia32cap": ":~0x600c0230000", "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX512F,-AVX512VL,-AVX512BW"}
USER = ("int", "mem", "fp")
RATIOS = (("soft_native", "soft", "native"), ("tcg_native", "tcg", "native"), ("tcg_soft", "tcg", "soft"))


def compiler():
    """The C compiler proper and what it loads, with the paths that it finds them by."""
    cc1 = told(["gcc", "-print-prog-name=cc1"])
    if not os.path.isabs(cc1):
        return None, []
    return cc1, [cc1, *re.findall(r"(/\S+) \(0x", told(["ldd", cc1]))]


def prepare():
    """The initramfs: the program as init, busybox, the compiler. Not compressed: nobody measures that here."""
    if not PROGRAM.exists():
        sys.exit(f"bench: no {PROGRAM}: it needs zlib1g-dev and libssl-dev when meson is set up")
    cc1, parts = compiler()
    SOURCE.write_text(told(["gcc", "-E", "-P", "-D_GNU_SOURCE", "tests/bench/int.c"]) + "\n")
    files = {"init": (0o100755, PROGRAM.read_bytes()), "source.i": (0o100644, SOURCE.read_bytes())}
    for path in ["/bin/busybox", *parts]:
        at = pathlib.Path(path)
        for folder in reversed(at.relative_to("/").parents[:-1]):
            files.setdefault(str(folder), (0o040755, b""))
        files[str(at.relative_to("/"))] = (0o100755, at.read_bytes())
    RAMDISK.write_bytes(cpio(files))
    return cc1


def lines_of(command, realtime, env=None, cpus=None):
    """(host's monotonic time, its real time, line) of a program's output as it comes; the program's status."""
    def settle():
        if cpus:
            os.sched_setaffinity(0, cpus)
        if realtime:
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))

    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                             env=env, preexec_fn=settle)
    timer = threading.Timer(LIMIT, child.kill)
    timer.start()
    lines = []
    try:
        for raw in child.stdout:
            lines.append((time.monotonic(), time.time(), raw.decode(errors="replace").strip()))
        status = child.wait()
    finally:
        timer.cancel()
        if child.poll() is None:
            child.kill()
            child.wait()
    return lines, status


def clocks(lines, name):
    """How far the guest's clocks went while the host's did, and what is wrong with that."""
    seen = {}
    for mono, real, line in lines:
        if m := re.match(r"clock (start|end) ([\d.]+) ([\d.]+)", line):
            seen[m[1]] = mono, real, float(m[2]), float(m[3])
    if len(seen) != 2:
        return {}, [f"{name}: the guest did not get to its end"]
    a, b = seen["start"], seen["end"]
    host, mono, real = b[0] - a[0], b[2] - a[2], b[3] - a[3]
    wrong = [f"{name}: {what} went {x:.3f} s in {host:.3f} s of the host's"
             for what, x in (("monotonic clock", mono), ("real-time clock", real)) if abs(x - host) > 0.02 * host + 0.1]
    if abs(a[3] - a[1]) > 2:
        wrong.append(f"{name}: its real-time clock is {a[3] - a[1]:+.1f} s off")
    return {"host_s": host, "mono_s": mono, "real_s": real, "offset_s": a[3] - a[1]}, wrong


def one_pass(engine, options, cpus, cc1, args):
    words = [*options, *(["--quick"] if args.quick else [])]
    if engine == "native":
        tool = ["--cc1", cc1, "--source", str(SOURCE)] if cc1 else []
        allowed = sorted(os.sched_getaffinity(0))[-cpus:]
        lines, status = lines_of([str(PROGRAM), *words, *tool], args.realtime, os.environ | NO_AVX512, allowed)
        clock, wrong = {}, [] if status == 0 else [f"native: status {status}"]
    else:
        tool = ["--cc1", cc1, "--source", "/source.i"] if cc1 else []
        append = " ".join(["console=ttyS0 panic=-1 quiet --", *words, *tool])
        command = (soft(kernel(), RAMDISK, append, cpus, MIB, args.engine_debug) if engine == "soft" else
                   tcg(kernel(), RAMDISK, append, cpus, MIB))
        lines, status = lines_of(command, args.realtime)
        clock, wrong = clocks(lines, engine)
        if status != 0:
            wrong.append(f"{engine}: status {status}: {' | '.join(line for _, _, line in lines[-4:])}")
    found, before = {}, ""
    for _, _, line in lines:
        if m := re.match(r"= (\S+) (\S+) (\S+) (\S+) (\d+) (\S+)$", line):
            found[m[1]] = {"class": m[2], "best_ns": float(m[3]), "median_ns": float(m[4]), "runs": int(m[5]), "digest": m[6]}
        elif line.startswith("!"):
            wrong.append(f"{engine}: {line[2:]}: {before}")
        before = line
    return {"clock": clock, "work": found, "wrong": wrong}


def passes(args):
    """(options, CPUs) of the boots that make one run."""
    listed = [line.split()[:2] for line in told([str(PROGRAM), "--list"]).splitlines()]
    chosen = [(n, c) for n, c in listed if (not args.only or n in args.only.split(",")) and
              (not args.classes or c in args.classes.split(","))]
    if not chosen:
        sys.exit("bench: no such workload: " + ", ".join(n for n, _ in listed))
    groups = [([n for n, _ in chosen], args.smp)] if args.smp else [
        ([n for n, c in chosen if c != "smp"], 1), ([n for n, c in chosen if c == "smp"], 2)]
    everything = len(chosen) == len(listed)
    out = []
    for names, cpus in groups:
        if names and cpus <= os.cpu_count():
            classes = ",".join(dict.fromkeys(c for n, c in chosen if n in names))
            out.append((["--class", classes] if everything else ["--only", ",".join(names)], cpus))
    return out


def bench(args):
    cc1 = prepare()
    kernel()
    if args.realtime:  # above what is measured, so that lines are stamped when they come
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(2))
    runs = {e: [] for e in args.engines.split(",")}
    for i in range(args.n):
        for engine in runs:
            start = time.monotonic()
            got = {"clock": [], "work": {}, "wrong": []}
            for options, cpus in passes(args):
                one = one_pass(engine, options, cpus, cc1, args)
                got["clock"].append(one["clock"])
                got["work"] |= one["work"]
                got["wrong"] += one["wrong"]
            runs[engine].append(got)
            print(f"round {i + 1}/{args.n}: {engine}: {len(got['work'])} workloads in {time.monotonic() - start:.0f} s", file=sys.stderr)
    expect = {} if not args.expect else dict(
        line.split() for line in args.expect.read_text().splitlines() if line and not line.startswith("#"))
    return {"quick": args.quick, "complete": not (args.only or args.classes), "engine_debug": args.engine_debug, "expect": expect, "summary": summarize(runs), "runs": runs}


def geomean(values):
    values = [v for v in values if v]
    return math.exp(statistics.fmean(map(math.log, values))) if values else None


def ratio(runs, name, over, under):
    """The median over the rounds of one engine's time over another's, of the fastest runs."""
    pairs = [(a["work"].get(name), b["work"].get(name)) for a, b in zip(runs.get(over, []), runs.get(under, []))]
    values = [a["best_ns"] / b["best_ns"] for a, b in pairs if a and b]
    return statistics.median(values) if values else None


def speed_up(rounds, name):
    """What two threads do in the time of one."""
    pairs = [(r["work"].get(name + "-1t"), r["work"].get(name + "-2t")) for r in rounds]
    values = [one["best_ns"] / two["best_ns"] for one, two in pairs if one and two]
    return statistics.median(values) if values else None


def wrongs(runs, expect):
    """Everything that is a matter of correctness, not of speed."""
    out = {line: None for engine in runs for r in runs[engine] for line in r["wrong"]}
    digests = {}
    for engine in runs:
        for r in runs[engine]:
            for name, w in r["work"].items():
                digests.setdefault(name, {}).setdefault(w["digest"], set()).add(engine)
    for name, by in digests.items():
        if len(by) > 1:
            out[f"{name}: " + "; ".join(f"{'+'.join(sorted(e))} computed {d}" for d, e in by.items())] = None
        if name in expect and set(by) != {expect[name]}:
            out[f"{name}: {expect[name]} expected, not {', '.join(by)}"] = None
    for engine in runs:
        lost = set(digests) - {n for r in runs[engine] for n in r["work"]}
        if lost:
            out[f"{engine}: nothing from {', '.join(sorted(lost))}"] = None
    return list(out)


def summarize(runs):
    """Medians of each workload, and what is made of them."""
    names = {n: w["class"] for e in runs for r in runs[e] for n, w in r["work"].items()}
    rows = {}
    for name, kind in names.items():
        rows[name] = {"class": kind}
        for e in ("native", "soft", "tcg"):
            values = [r["work"][name]["best_ns"] for r in runs.get(e, []) if name in r["work"]]
            rows[name][e] = statistics.median(values) if values else None
        for key, over, under in RATIOS:
            rows[name][key] = ratio(runs, name, over, under)
    groups = {"user": USER} | {k: (k,) for k in dict.fromkeys(names.values())}
    means = {g: {key: geomean(r[key] for r in rows.values() if r["class"] in kinds) for key, _, _ in RATIOS}
             for g, kinds in groups.items()}
    gains = {n[:-3]: {e: speed_up(runs[e], n[:-3]) for e in runs} for n in names if n.endswith("-1t")}
    return {"workloads": rows, "geomeans": {g: m for g, m in means.items() if any(m.values())}, "two_threads": gains}


def number(value, width=10):
    text = "-" if value is None else f"{value:.0f}" if value >= 1000 else f"{value:.3g}" if value < 10 else f"{value:.1f}"
    return f"{text:>{width}}"


def show(result):
    rows, means, gains = (result["summary"][k] for k in ("workloads", "geomeans", "two_threads"))
    keys = [key for key, _, _ in RATIOS]
    print(f"{'workload':<12}{'class':<6}{'native ns':>12}{'soft ns':>12}{'TCG ns':>12}{'soft/nat':>10}{'TCG/nat':>10}{'TCG/soft':>10}")
    for name, row in rows.items():
        print(f"{name:<12}{row['class']:<6}" + "".join(number(row[e], 12) for e in ("native", "soft", "tcg")) +
              "".join(number(row[k]) for k in keys))
    if means:
        print(f"\n{'geometric means':<34}{'soft/nat':>30}{'TCG/nat':>10}{'TCG/soft':>10}")
    for group, mean in means.items():
        title = "user-mode kernels (int, mem, fp)" if group == "user" else group
        print(f"{title:<34}" + number(mean[keys[0]], 30) + "".join(number(mean[k]) for k in keys[1:]))
    for name, by in gains.items():
        print(f"{'two threads, ' + name:<24}" + "  ".join(f"{e} {g:.2f}x" for e, g in by.items() if g))
    for title, key, reverse in (("worst against TCG", keys[2], False), ("worst against native", keys[0], True)):
        worst = sorted((n for n in rows if rows[n][key]), key=lambda n: rows[n][key], reverse=reverse)[:5]
        if worst:
            print(f"{title:<24}" + ", ".join(f"{n} {rows[n][key]:.2f}" for n in worst))
    for engine, rounds in result["runs"].items():
        for c in [c for c in rounds[-1]["clock"] if c]:
            print(f"clocks of {engine}: {c['mono_s']:.3f} s and {c['real_s']:.3f} s in {c['host_s']:.3f} s, {c['offset_s']:+.2f} s off")
    if result["complete"]:
        goals(rows, means, gains)
    return wrongs(result["runs"], result["expect"])


def markdown(result):
    rows, means = result["summary"]["workloads"], result["summary"]["geomeans"]
    keys = [key for key, _, _ in RATIOS]
    print("| workload | class | native ns | soft/native | TCG/native | TCG/soft |\n|---|---|---|---|---|---|")
    for name, row in rows.items():
        print(f"| {name} | {row['class']} | {number(row['native'], 0)} | " + " | ".join(number(row[k], 0) for k in keys) + " |")
    for group, mean in means.items():
        title = "user-mode kernels (int, mem, fp)" if group == "user" else group
        print(f"| **geometric mean: {title}** | | | " + " | ".join(number(mean[k], 0) for k in keys) + " |")


def goals(rows, means, gains):
    """What the engine is built to reach, as far as this run says."""
    against = {n: r["tcg_soft"] for n, r in rows.items() if r["tcg_soft"]}
    slowest = min(against, key=against.get, default=None)
    goal_header()
    goal("user-mode kernels, slow-down", means.get("user", {}).get("soft_native"), "<=", 3.0, 1.8)
    goal("user-mode kernels, speed-up over TCG", means.get("user", {}).get("tcg_soft"), ">=", 5, 8)
    goal(f"slowest workload over TCG: {slowest}", against.get(slowest), ">=", 1.0, 1.5)
    goal("fp, SIMD, crypto over TCG", means.get("fp", {}).get("tcg_soft"), ">=", 10, 25)
    goal("system calls and processes over TCG", means.get("sys", {}).get("tcg_soft"), ">=", 1.5, 3)
    goal("changing and JIT-made code over TCG", means.get("smc", {}).get("tcg_soft"), ">=", 10, None)
    for name, by in gains.items():
        goal(f"two CPUs, {name} on two threads", by.get("soft"), ">=", 1.9, None)
