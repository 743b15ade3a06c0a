# SPDX-License-Identifier: GPL-2.0-or-later
"""common: what the benches share: archives, kernels, the command lines of both emulators, a process's memory."""
import io
import os
import pathlib
import platform
import re
import subprocess

TOP = pathlib.Path(__file__).resolve().parents[2]
ASSETS = TOP / "build" / "e2e"


def cpio(files):
    """A newc archive: {name: (mode, bytes)}."""
    out = io.BytesIO()
    for ino, (name, (mode, data)) in enumerate([*files.items(), ("TRAILER!!!", (0, b""))], 1):
        head = [ino, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0]
        out.write(b"070701" + b"".join(b"%08X" % h for h in head) + name.encode() + b"\0")
        out.write(b"\0" * (-out.tell() % 4))
        out.write(data + b"\0" * (-len(data) % 4))
    return out.getvalue()


def kernel():
    subprocess.run([TOP / "script" / "kernel", ASSETS / "kernel"], check=True)
    return ASSETS / "kernel" / "vmlinuz"


def soft(kernel, ramdisk, append, cpus, mib, debug=None):
    return [str(TOP / "build/hospes"), "run", "--vm", "--engine", "soft", "--kernel", str(kernel), "--initrd", str(ramdisk),
            "--append", append, "--cpus", str(cpus), "--memory", f"{mib}M", "--console", "stdio",
            *(["--engine-debug", debug] if debug else [])]


def tcg(kernel, ramdisk, append, cpus, mib):
    return ["qemu-system-x86_64", "-M", "q35", "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", str(cpus), "-m", str(mib),
            "-nodefaults", "-display", "none", "-serial", "stdio", "-no-reboot", "-kernel", str(kernel),
            "-initrd", str(ramdisk), "-append", append]


def resident(pid, guest_mib):
    """MiB resident in all, and outside of the guest's memory: mappings of at least its size are taken for it.
    Memory that is mapped twice (a memfd, by its inode) counts once."""
    total = beyond = 0
    memfds = {}
    for mapping in re.split(r"\n(?=[0-9a-f]+-[0-9a-f]+ )", pathlib.Path(f"/proc/{pid}/smaps").read_text()):
        size, rss = (int(re.search(rf"^{key}:\s+(\d+)", mapping, re.M)[1]) for key in ("Size", "Rss"))
        if "/memfd:" in mapping:
            inode = mapping.split()[4]
            rss, memfds[inode] = max(0, rss - memfds.get(inode, 0)), max(rss, memfds.get(inode, 0))
        total += rss
        beyond += rss if size < guest_mib * 1024 else 0
    return total / 1024, beyond / 1024


def told(command):
    return subprocess.run(command, capture_output=True, text=True, cwd=TOP).stdout.strip()


def host():
    """What a reader of the results wants to know about where they were made."""
    model = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    return {"cpu": model[1] if model else "?", "cpus": os.cpu_count(), "load": os.getloadavg()[0],
            "kernel": platform.release(), "commit": told(["git", "rev-parse", "--short", "HEAD"]),
            "qemu": told(["qemu-system-x86_64", "--version"]).split("\n")[0]}


def goal_header():
    print(f"\n{'goal':<44}{'measured':>10}{'must':>10}{'aim':>10}")


def goal(title, value, sense, must, aim):
    """One line of what the engine is built to reach; nothing fails by it."""
    if value is None:
        return
    met = [bound is not None and (value <= bound if sense == "<=" else value >= bound) for bound in (must, aim)]
    print(f"{title:<44}{value:>10.2f}{sense + ' ' + str(must):>10}{'' if aim is None else sense + ' ' + str(aim):>10}  " +
          ("aim reached" if met[1] else "reached" if met[0] else "not reached"))
