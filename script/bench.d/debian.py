# SPDX-License-Identifier: GPL-2.0-or-later
"""debian and idle: a whole Debian with systemd: what it costs until it asks for a login, and when it then does nothing."""
import contextlib
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

from common import ASSETS, TOP, goal, goal_header, told

IMAGE, GUEST, MIB = "bench-systemd", "bench-systemd", 512
PACKAGES = "systemd-sysv,dbus,udev,cron"
ROOT = ASSETS / "root"
LOGIN, PATIENCE = b"login:", 300
SETTLE, WATCH = 30, 20  # seconds


def hospes(*words, check=True):
    return subprocess.run([TOP / "build/hospes", *words], env=os.environ | {"HOSPES_ROOT": str(ROOT)},
                          capture_output=True, text=True, check=check, stdin=subprocess.DEVNULL).stdout


def prepare():
    """The image, and what another emulator needs to start it: an initramfs, a command line, a disk that is thrown away."""
    if IMAGE not in {i["name"] for i in json.loads(hospes("image", "ls", "--json"))}:
        print(f"building image {IMAGE}", file=sys.stderr)
        hospes("image", "build", "debian", "--name", IMAGE, "--include", PACKAGES)
    image = ROOT / "data/images" / IMAGE
    subprocess.run([TOP / "build/tests/tool/initramfs", image / "modules", ASSETS / "bench-debian.cpio"], check=True)
    return image


def cpu_seconds(pid):
    """User and system time of a process with all its threads."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return tuple(int(t) / os.sysconf("SC_CLK_TCK") for t in fields[11:13])


def run_seconds(pid):
    """All CPU time of a process's threads, to the nanosecond: cpu_seconds counts in ticks, too coarse for an idle guest."""
    tasks = pathlib.Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(t.read_text().split()[0]) for t in tasks) / 1e9


@contextlib.contextmanager
def soft(image, debug):
    hospes("rm", "-f", GUEST, check=False)
    hospes("run", "--vm", "-d", "--name", GUEST, "--engine", "soft", "--cpus", "1", "--memory", f"{MIB}M",
           *(["--engine-debug", debug] if debug else []), IMAGE)
    try:
        yield json.loads(hospes("inspect", GUEST))[0]["pid"], ROOT / "data/guests" / GUEST / "serial.log"
    finally:
        hospes("rm", "-f", GUEST, check=False)


@contextlib.contextmanager
def tcg(image, debug):
    """The same kernel, initramfs, disk and command line; disk and network as virtio devices, as our machine has them."""
    serial = ASSETS / "bench-debian.log"
    append = f"console=ttyS0 panic=-1 quiet rw root=/dev/vda hospes.root=/dev/vda hospes.name={GUEST} hospes.init=image"
    child = subprocess.Popen(
        ["qemu-system-x86_64", "-M", "q35", "-accel", "tcg,thread=multi", "-cpu", "max", "-m", str(MIB), "-nodefaults", "-display", "none",
         "-serial", f"file:{serial}", "-no-reboot", "-kernel", image / "vmlinuz", "-initrd", ASSETS / "bench-debian.cpio",
         "-append", append, "-drive", f"file={image / 'disk.raw'},format=raw,if=virtio,snapshot=on,cache=unsafe",
         "-nic", "user,model=virtio-net-pci", "-device", "virtio-rng-pci"], stdin=subprocess.DEVNULL)
    try:
        yield child.pid, serial
    finally:
        child.kill()
        child.wait()


def until_login(pid, serial):
    """User, system and wall seconds until the guest asks for a login."""
    start = time.monotonic()
    while time.monotonic() - start < PATIENCE:
        time.sleep(0.02)
        if serial.exists() and LOGIN in serial.read_bytes():
            user, system = cpu_seconds(pid)
            return {"user": user, "sys": system, "wall": time.monotonic() - start}
    sys.exit(f"bench: no login after {PATIENCE} s:\n" + serial.read_text(errors="replace")[-2000:])


def one(engine, image, args):
    serial = ASSETS / "bench-debian.log"
    serial.unlink(missing_ok=True)
    with engine(image, args.engine_debug) as (pid, serial):
        run = until_login(pid, serial)
        if args.what == "idle":
            time.sleep(SETTLE)
            before = run_seconds(pid)
            time.sleep(WATCH)
            run["idle_percent"] = (run_seconds(pid) - before) / WATCH * 100
        return run


def bench(args):
    image = prepare()
    runs = {"soft": [], "tcg": []}
    for i in range(args.n):
        for name, engine in (("soft", soft), ("tcg", tcg)):
            runs[name].append(one(engine, image, args))
            told_of = runs[name][-1]
            print(f"round {i + 1}/{args.n}: {name}: " + ", ".join(f"{k} {v:.2f}" for k, v in told_of.items()), file=sys.stderr)
    return {"image": {"packages": PACKAGES, "kernel": told(["basename", os.path.realpath(image / "modules")])}, "runs": runs}


def show(result):
    runs = result["runs"]
    ratios, medians = {}, {}
    print(f"{'median of ' + str(len(runs['soft'])):<20}{'soft':>10}{'tcg':>10}{'soft/tcg':>10}")
    for key in runs["soft"][0]:
        a, b = medians[key] = [statistics.median(r[key] for r in runs[n]) for n in ("soft", "tcg")]
        ratios[key] = statistics.median(x[key] / max(y[key], 1e-9) for x, y in zip(runs["soft"], runs["tcg"]))
        print(f"{key:<20}{a:>10.2f}{b:>10.2f}{ratios[key]:>10.2f}")
    goal_header()
    goal("Debian to login, user CPU against TCG", ratios["user"], "<=", 0.8, 0.4)
    if "idle_percent" in medians:
        goal("idle Debian, CPU in percent of a core", medians["idle_percent"][0], "<=", 1, 0.2)
