#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""files.py [--links] FOLDER: all files below a folder, each in one line with all that is known of it.

--links: also which of them are one file. What a container has from its engine is left out."""
import hashlib, os, stat, sys

links, top = "--links" in sys.argv, sys.argv[-1]
device, first = os.stat(top).st_dev, {}
skip = {"proc", "sys", "dev", "run", "data", "etc/hosts", "etc/hostname", "etc/resolv.conf", "etc/mtab", "lost+found"}
for folder, names, files in os.walk(top):
    names[:] = sorted(n for n in names if os.path.relpath(os.path.join(folder, n), top) not in skip)
    for n in sorted(names + files):
        path = os.path.join(folder, n)
        name = os.path.relpath(path, top)
        s = os.lstat(path)
        if name in skip or s.st_dev != device:
            continue
        attributes, text = {}, ""
        if stat.S_ISREG(s.st_mode):
            with open(path, "rb") as f:
                text = f"{s.st_size} {hashlib.md5(f.read()).hexdigest()}"
        elif stat.S_ISLNK(s.st_mode):
            text = os.readlink(path)
        elif not stat.S_ISDIR(s.st_mode):
            text = f"device {s.st_rdev}"
        if not stat.S_ISLNK(s.st_mode):
            attributes = {k: os.getxattr(path, k).hex() for k in os.listxattr(path)
                          if (k.startswith("user.") or k == "security.capability") and "overlay" not in k}
        if links and not stat.S_ISDIR(s.st_mode):
            text += " = " + first.setdefault(s.st_ino, name)
        # An engine makes files of its own in /etc.
        print(name, oct(s.st_mode), s.st_uid, s.st_gid, int(s.st_mtime) if name != "etc" else "", text,
              sorted(attributes.items()))
