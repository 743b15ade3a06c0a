# SPDX-License-Identifier: GPL-2.0-or-later
"""container: hospes-oci beside crun and runc, the same bundles, in turn.

Cases: spec (a bundle as `hospes-oci spec` writes it), profile (as Podman makes it: with a profile of its size), exec, state,
burst (many at once), image (`hospes run --net none IMAGE /bin/true`, hospes alone; cpu: with its monitor, wall: until the
command is back, by when the container is gone), image-net (the same on a bridge). Each round runs every runtime once; what counts are the ratios of the
medians. crun refuses hybrid cgroups, so all run in a mount namespace without the v2 part. What lives under /run by default,
the states, is kept on a tmpfs here too."""
import ctypes
import json
import os
import pathlib
import resource
import shutil
import statistics
import subprocess
import tempfile
import time

LIBC = ctypes.CDLL(None, use_errno=True)
MNT_DETACH = 2
PR_SET_CHILD_SUBREAPER = 36
CLONE_NEWNS, CLONE_NEWNET = 0x20000, 0x40000000
TOP = pathlib.Path(__file__).resolve().parents[2]
PROFILE_CALLS = """accept accept4 access adjtimex alarm arch_prctl bind brk capget capset chdir chmod chown chroot clock_getres clock_gettime
clock_nanosleep clone clone3 close close_range connect copy_file_range creat dup dup2 dup3 epoll_create epoll_create1 epoll_ctl
epoll_pwait epoll_pwait2 epoll_wait eventfd eventfd2 execve execveat exit exit_group faccessat faccessat2 fadvise64 fallocate
fanotify_mark fchdir fchmod fchmodat fchown fchownat fcntl fdatasync fgetxattr flistxattr flock fork fremovexattr fsconfig fsetxattr
fsmount fsopen fspick fstat fstatfs fsync ftruncate futex futimesat get_robust_list get_thread_area getcpu getcwd getdents getdents64
getegid geteuid getgid getgroups getitimer getpeername getpgid getpgrp getpid getppid getpriority getrandom getresgid getresuid
getrlimit getrusage getsid getsockname getsockopt gettid gettimeofday getuid getxattr inotify_add_watch inotify_init inotify_init1
inotify_rm_watch io_cancel io_destroy io_getevents io_setup io_submit ioctl ioprio_get ioprio_set ipc keyctl kill landlock_add_rule
landlock_create_ruleset landlock_restrict_self lchown lgetxattr link linkat listen listxattr llistxattr lremovexattr lseek lsetxattr
lstat madvise membarrier memfd_create mincore mkdir mkdirat mknod mknodat mlock mlock2 mlockall mmap mount move_mount mprotect
mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedsend mq_unlink mremap msgctl msgget msgrcv msgsnd msync munlock munlockall
munmap name_to_handle_at nanosleep newfstatat open openat openat2 open_tree pause pidfd_getfd pidfd_open pidfd_send_signal pipe pipe2
pivot_root poll ppoll prctl pread64 preadv preadv2 prlimit64 process_mrelease pselect6 pwrite64 pwritev pwritev2 read readahead
readlink readlinkat readv reboot recvfrom recvmmsg recvmsg remap_file_pages removexattr rename renameat renameat2 restart_syscall
rmdir rseq rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_tgsigqueueinfo
sched_get_priority_max sched_get_priority_min sched_getaffinity sched_getattr sched_getparam sched_getscheduler
sched_rr_get_interval sched_setaffinity sched_setattr sched_setparam sched_setscheduler sched_yield seccomp select semctl semget
semop semtimedop sendfile sendmmsg sendmsg sendto set_robust_list set_thread_area set_tid_address setfsgid setfsuid setgid setgroups
setitimer setns setpgid setpriority setregid setresgid setresuid setreuid setrlimit setsid setsockopt setuid setxattr shmat shmctl
shmdt shmget shutdown sigaltstack signalfd signalfd4 socket socketpair splice stat statfs statx symlink symlinkat sync sync_file_range
syncfs sysinfo syslog tee tgkill time timer_create timer_delete timer_getoverrun timer_gettime timer_settime timerfd_create
timerfd_gettime timerfd_settime times tkill truncate ugetrlimit umask umount umount2 uname unlink unlinkat unshare utime utimensat
utimes vfork wait4 waitid waitpid write writev""".split()
DENIED = """bdflush io_pgetevents kexec_file_load kexec_load migrate_pages move_pages nfsservctl nice oldfstat oldlstat oldolduname oldstat
olduname pciconfig_iobase pciconfig_read pciconfig_write sgetmask ssetmask swapcontext swapoff swapon sysfs uselib userfaultfd
ustat vm86 vm86old vmsplice""".split()


def profile():
    """Like the one Podman gives: hundreds of calls, some by their arguments, four architectures' names."""
    rules = [{"names": DENIED, "action": "SCMP_ACT_ERRNO", "errnoRet": 1},
             {"names": PROFILE_CALLS, "action": "SCMP_ACT_ALLOW"}]
    for value in (0, 8, 131072, 131080, 4294967295):
        rules.append({"names": ["personality"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": value, "op": "SCMP_CMP_EQ"}]})
    rules.append({"names": ["bpf", "fanotify_init", "lookup_dcookie", "perf_event_open", "quotactl", "setdomainname", "sethostname",
                            "setns", "acct", "delete_module", "finit_module", "init_module", "kcmp", "process_madvise",
                            "process_vm_readv", "process_vm_writev", "ptrace", "settimeofday", "stime", "vhangup"],
                  "action": "SCMP_ACT_ERRNO", "errnoRet": 1})
    return {"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 38, "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
            "syscalls": rules}


TRUE = "#include <unistd.h>\nint main(int argc, char **argv) { (void)argv; while (argc > 1) pause(); return 0; }"
# What a child took at most: measured by a small parent, as a child starts with what its parent had.
PEAK = """#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
int main(int argc, char **argv)
{
    struct rusage use;
    int status;
    pid_t pid = fork();
    if (pid == 0) { dup2(open("/dev/null", O_WRONLY), 1); execv(argv[1], argv + 1); _exit(127); }
    wait4(pid, &status, 0, &use);
    printf("%ld\\n", use.ru_maxrss);
    return argc < 2 || status != 0;
}"""


class Bench:
    def __init__(self, rounds):
        self.rounds = rounds
        self.runtimes = {"hospes": str(TOP / "build/hospes-oci")}
        for name in ("crun", "runc"):
            if shutil.which(name):
                self.runtimes[name] = shutil.which(name)
        self.work = pathlib.Path(tempfile.mkdtemp(prefix="hospes-bench-"))
        self.tmpfs = []
        self.run = self.on_tmpfs("run")
        self.peak_tool = self.compile("peak", PEAK)
        self.serial = 0

    def on_tmpfs(self, name):
        path = self.work / name
        path.mkdir(parents=True, mode=0o700)
        if LIBC.mount(b"none", bytes(path), b"tmpfs", 0, b"mode=700") != 0:
            raise SystemExit(f"container: cannot mount a tmpfs on {path}")
        self.tmpfs.append(path)
        return path

    def close(self):
        for path in self.tmpfs:
            LIBC.umount2(bytes(path), MNT_DETACH)
        shutil.rmtree(self.work, ignore_errors=True)

    def compile(self, name, source):
        subprocess.run(["gcc", "-O2", "-static", "-s", "-x", "c", "-o", self.work / name, "-"], check=True, text=True, input=source)
        return self.work / name

    def bundle(self, name, change):
        path = self.work / name
        (path / "rootfs/bin").mkdir(parents=True)
        for folder in ("proc", "sys", "dev", "tmp"):
            (path / "rootfs" / folder).mkdir()
        shutil.copy(self.compile("true", TRUE), path / "rootfs/bin/true")
        subprocess.run([self.runtimes["hospes"], "spec", "--bundle", path], check=True)
        config = json.loads((path / "config.json").read_text())
        config["ociVersion"] = "1.0.2"
        config["process"]["terminal"] = False
        config["process"]["args"] = ["/bin/true"]
        change(config)
        (path / "config.json").write_text(json.dumps(config))
        return path

    def command(self, runtime, *words):
        return [self.runtimes[runtime], "--root", str(self.run / runtime), *words]

    def spawn(self, command):
        return os.posix_spawn(command[0], command, os.environ, file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0), (os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0)])

    def timed(self, command):
        """(wall ms, cpu ms) of one command and all that it started; wall: until it is back."""
        start = time.perf_counter()
        _, status, use = os.wait4(self.spawn(command), 0)
        wall = time.perf_counter() - start
        cpu = use.ru_utime + use.ru_stime + self.orphans()
        if status != 0:
            raise SystemExit(f"{' '.join(command)}: status {status}")
        return wall * 1e3, cpu * 1e3

    def orphans(self):
        """CPU seconds of processes that outlived who started them, which are ours to wait for (a subreaper)."""
        cpu = 0
        try:
            while True:
                _, _, use = os.wait4(-1, 0)
                cpu += use.ru_utime + use.ru_stime
        except ChildProcessError:
            return cpu

    def peak(self, command):
        return int(subprocess.run([self.peak_tool, *command], check=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE).stdout)

    def name(self):
        self.serial += 1
        return f"bench-{os.getpid()}-{self.serial}"

    def compare(self, make):
        """make(runtime) returns the command to time; each round takes every runtime once."""
        samples = {r: [] for r in self.runtimes}
        for r in self.runtimes:
            self.timed(make(r))  # warm caches, compiled filters
        peak = {r: max(self.peak(make(r)) for _ in range(3)) for r in self.runtimes}
        for _ in range(self.rounds):
            for r in self.runtimes:
                samples[r].append(self.timed(make(r)))
        return {r: {"wall_ms": statistics.median(x[0] for x in v), "wall_min_ms": min(x[0] for x in v),
                    "cpu_ms": statistics.median(x[1] for x in v), "peak_kib": peak[r]} for r, v in samples.items()}

    def start_to_exit(self, change):
        path = self.bundle(self.name(), change)
        return self.compare(lambda r: self.command(r, "run", "--bundle", str(path), self.name()))

    def case_spec(self):
        return self.start_to_exit(lambda c: None)

    def case_profile(self):
        return self.start_to_exit(lambda c: c["linux"].update(seccomp=profile()))

    def with_running(self, make):
        path = self.bundle(self.name(), lambda c: c["process"].update(args=["/bin/true", "wait"]))
        ids = {r: self.name() for r in self.runtimes}
        for r in self.runtimes:
            subprocess.run(self.command(r, "run", "--detach", "--bundle", str(path), ids[r]), check=True, stdin=subprocess.DEVNULL,
                           stdout=subprocess.DEVNULL)
        try:
            return self.compare(lambda r: self.command(r, *make(ids[r])))
        finally:
            for r in self.runtimes:
                subprocess.run(self.command(r, "delete", "--force", ids[r]), check=False)

    def case_exec(self):
        return self.with_running(lambda i: ("exec", i, "/bin/true"))

    def case_state(self):
        return self.with_running(lambda i: ("state", i))

    def case_image(self):
        return self.image("none")

    def case_image_net(self):
        """Its bridge and its rules are made in a network of our own."""
        ours = os.open("/proc/self/ns/net", os.O_RDONLY)
        if LIBC.unshare(CLONE_NEWNET) != 0:
            raise SystemExit("container: cannot make a network namespace")
        try:
            subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
            return self.image("bridge")
        finally:
            LIBC.setns(ours, 0)
            os.close(ours)

    def image(self, net):
        path = self.bundle(self.name(), lambda c: None)
        hospes = str(TOP / "build/hospes")
        root = self.work / f"root-{net}"
        os.environ["HOSPES_ROOT"] = str(root)
        self.on_tmpfs(f"{root.name}/run")
        subprocess.run([hospes, "image", "import", path / "rootfs", "--name", "bench"], check=True, stdout=subprocess.DEVNULL)
        everybody, self.runtimes = self.runtimes, {"hospes": hospes}
        LIBC.prctl(PR_SET_CHILD_SUBREAPER, 1)
        try:
            return self.compare(lambda r: [hospes, "run", "--net", net, "--rm", "bench", "/bin/true"])
        finally:
            LIBC.prctl(PR_SET_CHILD_SUBREAPER, 0)
            self.runtimes = everybody

    def case_burst(self, at_once=100):
        path = self.bundle(self.name(), lambda c: None)
        times = {r: [] for r in self.runtimes}
        for _ in range(max(1, self.rounds // 50)):
            for r in self.runtimes:
                cpu = resource.getrusage(resource.RUSAGE_CHILDREN)
                start = time.perf_counter()
                running = [self.spawn(self.command(r, "run", "--bundle", str(path), self.name())) for _ in range(at_once)]
                if any([os.waitpid(pid, 0)[1] for pid in running]):
                    raise SystemExit(f"burst: {r} failed")
                wall = time.perf_counter() - start
                after = resource.getrusage(resource.RUSAGE_CHILDREN)
                times[r].append((wall * 1e3, (after.ru_utime + after.ru_stime - cpu.ru_utime - cpu.ru_stime) * 1e3))
        return {r: {"wall_ms": statistics.median(x[0] for x in v), "cpu_ms": statistics.median(x[1] for x in v)} for r, v in times.items()}


def leave_v2():
    """A mount namespace of our own without the v2 part of hybrid cgroups."""
    if LIBC.unshare(CLONE_NEWNS) != 0:
        raise SystemExit("container: needs root (a mount namespace)")
    LIBC.mount(None, b"/", None, 1 << 18 | 1 << 14, None)  # private, recursive
    LIBC.umount2(b"/sys/fs/cgroup/unified", MNT_DETACH)


def bench(args):
    leave_v2()
    b = Bench(args.n)
    try:
        wanted = args.only.split(",") if args.only else ["spec", "profile", "exec", "state", "burst", "image", "image-net"]
        return {"cases": {case: getattr(b, "case_" + case.replace("-", "_"))() for case in wanted}}
    finally:
        b.close()


def show(result):
    print(f"{'case':9} {'runtime':8} {'wall ms':>9} {'least':>8} {'cpu ms':>8} {'peak KiB':>9}   wall, cpu against crun")
    for case, rows in result["cases"].items():
        base = rows.get("crun")
        for runtime, v in rows.items():
            ratio = f"{v['wall_ms'] / base['wall_ms']:6.2f} {v['cpu_ms'] / base['cpu_ms'] if base['cpu_ms'] else 0:6.2f}" if base else ""
            print(f"{case:9} {runtime:8} {v['wall_ms']:9.2f} {v.get('wall_min_ms', 0):8.2f} {v['cpu_ms']:8.2f} {v.get('peak_kib', 0):9d}   {ratio}")
