// SPDX-License-Identifier: GPL-2.0-or-later
// tool.c - whole programs: gzip and the C compiler proper, started, fed from memory, and waited for.
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

enum { TEXT = 2 << 20 };

struct tool {
    int in, out;
    const char *argv[12];
};

static struct tool *tool_setup(const char *const *argv)
{
    struct tool *t = room(sizeof(*t));
    for (int i = 0; argv[i] != NULL; i++)
        t->argv[i] = argv[i];
    t->in = memfd_create("in", MFD_CLOEXEC);
    t->out = memfd_create("out", MFD_CLOEXEC);
    must(t->in >= 0 && t->out >= 0, "memfd");
    return access(argv[0], X_OK) == 0 ? t : NULL;
}

static void fill(int fd, const char *data, size_t bytes)
{
    for (size_t done = 0; done < bytes;) {
        ssize_t n = write(fd, data + done, bytes - done);
        must(n > 0, "write");
        done += (size_t)n;
    }
}

static void *gzip_setup(const struct settings *s)
{
    static const char *const argv[] = {"/bin/busybox", "gzip", "-c", NULL};
    struct tool *t = tool_setup(argv);
    (void)s;
    if (t == NULL)
        return NULL;
    char *text = room(TEXT);
    prose(text, TEXT, 8);
    fill(t->in, text, TEXT);
    return t;
}

static void *gcc_setup(const struct settings *s)
{
    const char *const argv[] = {s->cc1, "-quiet", "-fpreprocessed",  "-O2",
                                "-",    "-o",     "/proc/self/fd/1", NULL};
    char buf[65536];
    if (s->cc1 == NULL || s->source == NULL)
        return NULL;
    struct tool *t = tool_setup(argv);
    int fd = open(s->source, O_RDONLY | O_CLOEXEC);
    if (t == NULL || fd < 0)
        return NULL;
    for (ssize_t n; (n = read(fd, buf, sizeof(buf))) > 0;)
        fill(t->in, buf, (size_t)n);
    close(fd);
    return t;
}

static uint64_t tool_run(void *state)
{
    struct tool *t = state;
    static char *const no_env[] = {NULL};
    int status = -1;
    must(lseek(t->in, 0, SEEK_SET) == 0 && lseek(t->out, 0, SEEK_SET) == 0 && ftruncate(t->out, 0) == 0,
         "rewind");
    pid_t pid = fork();
    must(pid >= 0, "fork");
    if (pid == 0) {
        if (dup2(t->in, 0) == 0 && dup2(t->out, 1) == 1)
            execve(t->argv[0], (char *const *)t->argv, no_env);
        _exit(99);
    }
    must(waitpid(pid, &status, 0) == pid, "wait");
    if (status != 0)
        printf("%s: status %x\n", t->argv[0], (unsigned)status);
    must(status == 0, "a tool");
    off_t size = lseek(t->out, 0, SEEK_END);
    must(size > 0, "output");
    void *out = mmap(NULL, (size_t)size, PROT_READ, MAP_SHARED, t->out, 0);
    must(out != MAP_FAILED, "output");
    uint64_t h = digest_of(out, (size_t)size);
    munmap(out, (size_t)size);
    return h;
}

const struct work works_tool[] = {
    {"gzip", "tool", 1, gzip_setup, tool_run, "2 MiB"},
    {"gcc", "tool", 1, gcc_setup, tool_run, "file"},
    {0},
};
