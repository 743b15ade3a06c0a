// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * image_debian: see image_debian.h.
 *
 * mmdebstrap makes a tar, as root by chroot, else in a user namespace of its own; the tar becomes a file
 * system like any other tar. The kernel comes through mmdebstrap's own apt, so it is of the same sources and
 * suite.
 */
#include "store/image_debian.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/proc.h"
#include "store/apt.h"
#include "store/debian_progress.h"
#include "store/finish.h"
#include "store/tree_ext4.h"

#define LEAST_BYTES (2ull << 30)
#define INCLUDE     "kmod,iproute2,procps"

/*
 * Runs on the host, $1 is the root. The archive of a kernel is unpacked aside: over the root it would
 * replace the link /lib of a merged /usr by a folder.
 */
static const char kernel_hook[] =
    "set -eu\n"
    "root=$1 work=$1/.hospes\n"
    "export APT_CONFIG=\"$MMDEBSTRAP_APT_CONFIG\"\n"
    "package=$(apt-cache search --names-only '^linux-image-[0-9].*-cloud-amd64$' | sed 's/ .*//' |\n"
    "    grep -v -e -unsigned -e -dbg | sort -V | tail -n 1)\n"
    "[ -n \"$package\" ] || { echo 'E: the package sources have no linux-image-*-cloud-amd64' >&2; exit 1; "
    "}\n"
    "mkdir \"$work\"\n"
    "cd \"$work\"\n"
    "apt-get -q -o APT::Sandbox::User=root download \"$package\"\n"
    "dpkg-deb -x ./*.deb .\n"
    "modules=lib/modules\n"
    "[ -d $modules ] || modules=usr/lib/modules\n"
    "mkdir -p \"$root/boot\" \"$root/lib/modules\"\n"
    "cp -a $modules/. \"$root/lib/modules/\"\n"
    "cp -a boot/. \"$root/boot/\"\n"
    "cd /\n"
    "rm -rf \"$work\"\n"
    "chroot \"$root\" depmod \"$(ls \"$root/lib/modules\")\"\n";

/* What belongs to one machine only goes; what mmdebstrap copied from this host is set as the guest needs it.
 */
static const char guest_hook[] =
    "set -eu\n"
    "root=$1\n"
    "rm -f \"$root\"/etc/ssh/ssh_host_* \"$root/etc/resolv.conf\" \"$root/etc/hostname\"\n"
    ": >\"$root/etc/machine-id\"\n"
    "echo debian >\"$root/etc/hostname\"\n"
    "echo nameserver 10.0.2.3 >\"$root/etc/resolv.conf\"\n"
    "[ -e \"$root/etc/hosts\" ] || printf '127.0.0.1\\tlocalhost\\n::1\\tlocalhost\\n' >\"$root/etc/hosts\"\n"
    "printf '/dev/vda\\t/\\text4\\trw,relatime\\t0\\t0\\n' >\"$root/etc/fstab\"\n"
    /* a proxy on this host's loopback is reached at the gateway of the user-mode network */
    "for f in \"$root\"/etc/apt/apt.conf.d/99mmdebstrap; do\n"
    "    [ ! -e \"$f\" ] || sed -i -E 's#(Proxy.*//)(localhost|127\\.0\\.0\\.1)#\\110.0.2.2#' \"$f\"\n"
    "done\n";

/* Pinning decides what is installed, so it must be there before anything is. */
static const char pin_hook[] =
    "set -eu\n"
    "mkdir -p \"$1/etc/apt/preferences.d\"\n"
    "[ ! -e /etc/apt/preferences ] || cp /etc/apt/preferences \"$1/etc/apt/preferences\"\n"
    "for f in /etc/apt/preferences.d/*; do [ ! -f \"$f\" ] || cp \"$f\" \"$1/etc/apt/preferences.d/\"; "
    "done\n";

struct build {
    struct draft *d;
    struct progress *p;
    struct debian_progress steps;
    char *suite, *scratch, *tar, *sources, *settings, *log_path;
    char complaint[300]; /* the first line that says what is wrong */
    int log;
};

static void build_fini(struct build *b)
{
    draft_free(b->d);
    free(b->suite), free(b->scratch), free(b->tar), free(b->sources), free(b->settings), free(b->log_path);
    own_fd(&b->log);
}

/* ---- what mmdebstrap says ---- */

/* apt's and dpkg's complaints come first; what mmdebstrap adds itself only says that they failed. */
static bool is_complaint(const char *line)
{
    static const char *const its_own[] = {
        "E: run_chroot failed", "E: setup failed", "E: mmdebstrap failed", "E: apt-get update", "E: env ",
        "E: command failed",    "E: pid "};
    for (size_t i = 0; i < sizeof(its_own) / sizeof(its_own[0]); i++)
        if (strncmp(line, its_own[i], strlen(its_own[i])) == 0)
            return false;
    return strncmp(line, "E: ", 3) == 0 || strncmp(line, "dpkg: error", 11) == 0;
}

static void on_line(void *ctx, const char *line)
{
    struct build *b = ctx;
    if (!b->complaint[0] && is_complaint(line))
        snprintf(b->complaint, sizeof(b->complaint), "%s", line + (line[0] == 'E' ? 3 : 0));
    progress_to(b->p, debian_progress_line(&b->steps, line));
}

/* ---- running it ---- */

#define ARGS_MAX 64
struct args {
    const char *argv[ARGS_MAX + 1];
    unsigned n;
    char *owned[ARGS_MAX];
    unsigned nr_owned;
};

static void args_fini(struct args *a)
{
    for (unsigned i = 0; i < a->nr_owned; i++)
        free(a->owned[i]);
}

/* An argument that is made up here; false: out of memory, or more than anybody means. */
static bool add(struct args *a, char *text)
{
    if (!text || a->n == ARGS_MAX) {
        free(text);
        return false;
    }
    a->argv[a->n++] = a->owned[a->nr_owned++] = text;
    return true;
}

static int check_packages(const char *list, struct err *e)
{
    bool ok = *list != 0;
    for (const char *c = list; *c; c++)
        ok = ok && (isalnum((unsigned char)*c) || strchr("+-.,:", *c)) &&
             (isalnum((unsigned char)*c) || c != list);
    return ok ? 0 : err_set(e, -EINVAL, "\"%.80s\" is no list of package names", list);
}

/* Each line of text, with prefix before it. */
static bool add_lines(struct args *a, const char *prefix, const char *text)
{
    for (size_t n; *text; text += n + (text[n] == '\n')) {
        n = strcspn(text, "\n");
        if (n && !add(a, path_make("%s%.*s", prefix, (int)n, text)))
            return false;
    }
    return true;
}

static int set_args(struct args *a, const struct build *b, const struct image_debian *c, struct err *e)
{
    bool ok = add(a, strdup("mmdebstrap")) && add(a, strdup("--verbose")) &&
              add(a, strdup("--variant=minbase")) && add(a, strdup("--format=tar")) &&
              add(a, strdup("--architectures=amd64")) && add(a, strdup("--include=" INCLUDE));
    for (const char *const *list = c->include; ok && list && *list; list++) {
        int rc = check_packages(*list, e);
        if (rc < 0)
            return rc;
        ok = add(a, path_make("--include=%s", *list));
    }
    ok = ok && add_lines(a, "--aptopt=", b->settings) && add(a, path_make("--setup-hook=%s", pin_hook)) &&
         add(a, path_make("--customize-hook=%s", kernel_hook)) &&
         add(a, path_make("--customize-hook=%s", guest_hook)) && add(a, strdup(b->suite)) &&
         add(a, strdup("-")) && add_lines(a, "", b->sources);
    return ok ? 0 : err_code(e, -ENOMEM, "mmdebstrap");
}

static int explain(struct build *b, int rc, struct err *e)
{
    if (rc == -EINTR || rc == -ENOENT) {
        unlink(b->log_path);
        return rc;
    }
    if (strstr(b->complaint, "unable to pick chroot mode")) {
        unlink(b->log_path);
        return err_set(
            e, -EPERM,
            "an ordinary user needs newuidmap (package uidmap) and user ids in /etc/subuid and /etc/subgid: "
            "usermod --add-subuids 100000-165535 --add-subgids 100000-165535 USER");
    }
    if (b->complaint[0])
        return err_set(e, rc, "mmdebstrap: %s (all it said: %s)", b->complaint, b->log_path);
    err_set(e, rc, "%s (all it said: %s)", e ? e->text : "", b->log_path);
    return rc;
}

static int run_mmdebstrap(struct build *b, const struct image_debian *c, struct err *e)
{
    __attribute__((cleanup(args_fini))) struct args a = {0};
    int rc = set_args(&a, b, c, e);
    if (rc < 0)
        return rc;
    OWN_MEM char *tmpdir = path_make("TMPDIR=%s", b->scratch);
    OWN_FD tar = open(b->tar, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    b->log = open(b->log_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (!tmpdir || tar < 0 || b->log < 0)
        return err_sys(e, "%s", tar < 0 ? b->tar : b->log_path);
    const char *env[] = {tmpdir, "LC_ALL=C.UTF-8", "DEBIAN_FRONTEND=noninteractive", NULL};
    struct proc_config run = {.argv = a.argv,
                              .env = env,
                              .dir = "/",
                              .own_mounts = true,
                              .out = tar,
                              .err_line = on_line,
                              .ctx = b,
                              .log = b->log};
    progress_start(b->p, "packages", DEBIAN_STEPS, PROGRESS_STEPS);
    rc = proc_run(&run, e);
    progress_done(b->p);
    return rc < 0 ? explain(b, rc, e) : 0;
}

/* ---- all of it ---- */

static int prepare(struct build *b, const struct image_debian *c, struct err *e)
{
    int rc = draft_begin(c->name ? c->name : "debian", &b->d, e);
    if (rc < 0)
        return rc;
    OWN_MEM char *data = image_dir(NULL);
    b->suite = c->suite ? strdup(c->suite) : apt_host_suite();
    b->tar = path_make("%s/root.tar", b->d->dir);
    b->log_path = data ? path_make("%s/.log-%s", data, b->d->name) : NULL;
    if (!b->suite || !b->tar || !b->log_path)
        return err_code(e, -ENOMEM, "image %s", b->d->name);
    if (image_check_name(b->suite, NULL) < 0)
        return err_set(e, -EINVAL, "\"%.80s\" is no name of a suite", b->suite);
    if ((rc = apt_sources(b->suite, &b->sources, e)) < 0 || (rc = apt_settings(&b->settings, e)) < 0)
        return rc;
    return draft_scratch(b->d, &b->scratch, e);
}

static int build(struct build *b, const struct image_debian *c, struct image **ret, struct err *e)
{
    int rc = prepare(b, c, e);
    if (rc < 0 || (rc = run_mmdebstrap(b, c, e)) < 0)
        return rc;
    OWN_MEM char *source = path_make("debian %s", b->suite);
    struct finish f = {.source = source, .bytes = c->bytes, .layout = {.fs = "ext4"}};
    if (!source)
        return err_code(e, -ENOMEM, "image %s", b->d->name);
    const struct tree_ext4 t = {.sources = &(const struct tree_source){.path = b->tar},
                                .nr_sources = 1,
                                .name = b->tar,
                                .file = b->d->disk,
                                .bytes = c->bytes,
                                .least_bytes = LEAST_BYTES};
    rc = tree_to_ext4(&t, b->p, &f.layout.bytes, e);
    unlink(b->tar);
    unlink(b->log_path);
    return rc < 0 ? rc : finish_image(b->d, &f, b->p, ret, e);
}

int image_build_debian(const struct image_debian *c, struct progress *p, struct image **ret, struct err *e)
{
    OWN_INTERRUPT held;
    interrupt_hold(&held);
    struct build b = {.p = p, .log = -1};
    int rc = build(&b, c, ret, e);
    progress_done(p);
    build_fini(&b); /* before the interrupt that is waiting, if one is */
    return rc;
}
