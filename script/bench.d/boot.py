# SPDX-License-Identifier: GPL-2.0-or-later
"""boot: the stock kernel to an init that powers off."""
import gzip
import os
import pathlib
import statistics
import subprocess
import sys
import time

from common import ASSETS, cpio, goal, goal_header, kernel, resident, soft, tcg

MIB = 512
SCRIPT = "/bin/busybox echo BOOTED\n/bin/busybox sleep 1\n/bin/busybox poweroff -f\n"


def initrd(path, script):
    busybox = pathlib.Path("/bin/busybox").read_bytes()
    files = {d: (0o040755, b"") for d in ("bin", "dev", "proc", "sys")}
    files["bin/busybox"] = (0o100755, busybox)
    files["init"] = (0o100755, b"#!/bin/busybox sh\n" + script.encode())
    path.write_bytes(gzip.compress(cpio(files), 1))


def run(command):
    """One run: user and system CPU seconds, wall seconds, resident MiB."""
    start = time.monotonic()
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    out, memory = b"", (0, 0)
    for line in child.stdout:
        out += line
        if b"BOOTED" in line:
            memory = resident(child.pid, MIB)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if b"BOOTED" not in out:
        sys.exit(f"bench: {command[0]} did not reach init:\n" + out.decode(errors="replace")[-2000:])
    return {"user": usage.ru_utime, "sys": usage.ru_stime, "wall": time.monotonic() - start,
            "rss_mib": memory[0], "beyond_mib": memory[1]}


def bench(args):
    image, ramdisk = kernel(), ASSETS / "bench-boot.gz"
    initrd(ramdisk, SCRIPT)
    append = "console=ttyS0 panic=-1"
    runs = {"soft": [], "tcg": []}
    for i in range(args.n):
        runs["soft"].append(run(soft(image, ramdisk, append, 1, MIB, args.engine_debug)))
        runs["tcg"].append(run(tcg(image, ramdisk, append, 1, MIB)))
        print(f"round {i + 1}/{args.n}: soft {runs['soft'][-1]['user']:.2f} s, tcg {runs['tcg'][-1]['user']:.2f} s", file=sys.stderr)
    return {"runs": runs}


def show(result):
    """Medians of all runs, and the median of the ratios of each round."""
    runs = result["runs"]
    names, ratios = list(runs), {}
    print(f"{'median of ' + str(len(runs[names[0]])):<14}" + "".join(f"{n:>12}" for n in names) + f"{names[0] + '/' + names[1]:>14}")
    for key in runs[names[0]][0]:
        a, b = (statistics.median(r[key] for r in runs[n]) for n in names)
        ratios[key] = statistics.median(x[key] / max(y[key], 1e-9) for x, y in zip(runs[names[0]], runs[names[1]]))
        print(f"{key:<14}{a:>12.2f}{b:>12.2f}{ratios[key]:>14.2f}")
    goal_header()
    goal("boot to init, user CPU against TCG", ratios["user"], "<=", 0.9, 0.5)
