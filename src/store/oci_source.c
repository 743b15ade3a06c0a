// SPDX-License-Identifier: GPL-2.0-or-later
/* oci_source: see oci_source.h; Docker's archive: oci_docker.c; telling tars apart: oci_archive.c. */
#include "store/oci_source.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/inroot.h"
#include "base/json.h"
#include "store/oci_source_impl.h"

#define NESTING_MAX 4

/* ---- files ---- */

static bool has(int dir, const char *name)
{
    struct stat st;
    return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode);
}

bool oci_source_is(int dir)
{
    if (has(dir, "index.json"))
        return has(dir, "oci-layout");
    return has(dir, "manifest.json") && faccessat(dir, "usr", F_OK, 0) < 0 &&
           faccessat(dir, "etc", F_OK, 0) < 0;
}

int oci_file_open(const struct oci_source *s, const char *path)
{
    OWN_FD fd = inroot_open(s->dir, path, O_PATH, 0);
    return fd < 0 ? fd : file_reopen_regular(fd);
}

int oci_file_read(const struct oci_source *s, const char *path, char **ret_text, size_t *ret_len,
                  json_t **ret, struct err *e)
{
    OWN_FD fd = oci_file_open(s, path);
    OWN_MEM char *self = path_make("/proc/self/fd/%d", fd), *what = path_make("%s: %s", s->what, path);
    OWN_MEM char *text = NULL;
    size_t len;
    if (fd < 0 || !self || !what)
        return err_code(e, fd < 0 ? fd : -ENOMEM, "%s: %s", s->what, path);
    int rc = file_read(self, OCI_TEXT_MAX, &text, &len, NULL);
    if (rc < 0)
        return err_code(e, rc, "%s", what);
    json_error_t je;
    OWN(json_t) j = json_loadb(text, len, JSON_REJECT_DUPLICATES, &je);
    if (!j)
        return err_set(e, -EINVAL, "%s: line %d: %s", what, je.line, je.text);
    *ret = take(j);
    if (ret_text) {
        *ret_text = take(text);
        *ret_len = len;
    }
    return 0;
}

/* ---- blobs ---- */

/* In a layout, or beside the manifest. */
static int open_blob(const struct oci_source *s, const struct digest *d)
{
    static const char *const places[] = {"blobs/sha256/%s", "%s", "%s.manifest.json"};
    int fd = -ENOENT;
    for (size_t i = 0; fd == -ENOENT && i < sizeof(places) / sizeof(places[0]); i++) {
        char path[96];
        const char *hex = strstr(places[i], "%s");
        snprintf(path, sizeof(path), "%.*s%s%s", (int)(hex - places[i]), places[i], d->hex, hex + 2);
        fd = oci_file_open(s, path);
    }
    return fd;
}

static int take_blob(const struct oci_source *s, const struct blob *b, struct progress *p, struct err *e)
{
    OWN_MEM char *what = path_make("%s: blob sha256:%.16s...", s->what, b->digest.hex);
    OWN_FD fd = open_blob(s, &b->digest);
    if (!what || fd < 0)
        return err_code(e, what ? fd : -ENOMEM, "%s", what ? what : s->what);
    return blob_take(fd, s->ours, b, what, p, e);
}

static int take_content(const struct oci_source *s, const struct oci_manifest *m, struct progress *p,
                        struct err *e)
{
    uint64_t bytes = m->config.bytes;
    for (unsigned i = 0; i < m->nr_layers; i++)
        bytes += m->layers[i].bytes;
    progress_start(p, "reading layers", bytes, PROGRESS_BYTES);
    int rc = take_blob(s, &m->config, p, e);
    for (unsigned i = 0; rc == 0 && i < m->nr_layers; i++)
        rc = take_blob(s, &m->layers[i], p, e);
    return rc;
}

/* ---- layouts ---- */

static int take_manifest(const struct oci_source *s, const json_t *j, struct progress *p, struct err *e)
{
    OWN_MANIFEST m = {0};
    int rc = oci_manifest_parse(j, &m, e);
    return rc < 0 ? err_wrap(e, "%s", s->what) : take_content(s, &m, p, e);
}

static int load_blob(const struct oci_source *s, const struct blob *b, struct progress *p, json_t **ret,
                     struct err *e)
{
    OWN_MEM char *text = NULL;
    size_t len;
    if (b->bytes > OCI_TEXT_MAX)
        return err_set(e, -EINVAL, "%s: a manifest of %llu bytes", s->what, (unsigned long long)b->bytes);
    int rc = take_blob(s, b, p, e);
    if (rc < 0 || (rc = blob_load(&b->digest, OCI_TEXT_MAX, &text, &len, e)) < 0)
        return rc;
    return json_parse(text, len, s->what, ret, e);
}

/* Down from index to index to the manifest. */
static int take_layout(const struct oci_source *s, const json_t *index, struct progress *p,
                       struct digest *ret, char **ret_ref, struct err *e)
{
    OWN(json_t) at = json_incref((json_t *)(uintptr_t)index);
    const char *tag = s->tag, *ref;
    struct blob b;
    for (unsigned depth = 0; oci_is_index(at); depth++) {
        OWN(json_t) next = NULL;
        if (depth == NESTING_MAX)
            return err_set(e, -EINVAL, "%s: more than %d indexes below each other", s->what, NESTING_MAX);
        int rc = oci_index_choose(at, tag, &b, &ref, e);
        if (rc < 0)
            return err_wrap(e, "%s", s->what);
        if (ref && !*ret_ref && !(*ret_ref = strdup(ref)))
            return err_code(e, -ENOMEM, "%s", s->what);
        if ((rc = load_blob(s, &b, p, &next, e)) < 0)
            return rc;
        tag = NULL;
        json_decref(at);
        at = take(next);
    }
    *ret = b.digest;
    return take_manifest(s, at, p, e);
}

static int take_flat(const struct oci_source *s, const json_t *manifest, const char *text, size_t len,
                     struct progress *p, struct digest *ret, char **ret_ref, struct err *e)
{
    if (oci_is_index(manifest))
        return take_layout(s, manifest, p, ret, ret_ref, e);
    int rc = blob_store(text, len, ret, e);
    return rc < 0 ? rc : take_manifest(s, manifest, p, e);
}

static int take_any(const struct oci_source *s, struct progress *p, struct digest *ret, char **ret_ref,
                    struct err *e)
{
    bool layout = has(s->dir, "index.json");
    OWN_MEM char *text = NULL;
    OWN(json_t) j = NULL;
    size_t len = 0;
    int rc = oci_file_read(s, layout ? "index.json" : "manifest.json", &text, &len, &j, e);
    if (rc < 0)
        return rc;
    if (layout && !oci_is_index(j))
        return err_set(e, -EINVAL, "%s: index.json: \"manifests\" is not an array", s->what);
    if (layout)
        return take_layout(s, j, p, ret, ret_ref, e);
    return json_is_array(j) ? oci_docker_take(s, j, p, ret, ret_ref, e)
                            : take_flat(s, j, text, len, p, ret, ret_ref, e);
}

int oci_source_take(const struct oci_source *s, struct progress *p, struct digest *ret, char **ret_ref,
                    struct err *e)
{
    OWN_MEM char *ref = NULL;
    int rc = take_any(s, p, ret, &ref, e);
    if (rc == 0)
        *ret_ref = take(ref);
    return rc;
}
