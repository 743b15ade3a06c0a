// SPDX-License-Identifier: GPL-2.0-or-later
/* paths: see paths.h. */
#include "base/paths.h"

#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

static const char *variable(const char *name)
{
    const char *v = getenv(name);
    return v && *v ? v : NULL;
}

static char *absolute(const char *base, const char *sub)
{
    if (base[0] == '/')
        return path_make("%s/%s", base, sub);
    OWN_MEM char *here = getcwd(NULL, 0);
    return here ? path_make("%s/%s/%s", here, base, sub) : NULL;
}

static const char *home(void)
{
    const struct passwd *pw = variable("HOME") ? NULL : getpwuid(geteuid());
    return pw ? pw->pw_dir : variable("HOME") ? variable("HOME") : "/";
}

char *paths_data(void)
{
    if (variable("HOSPES_ROOT"))
        return absolute(variable("HOSPES_ROOT"), "data");
    if (geteuid() == 0)
        return path_make("/var/lib/hospes");
    if (variable("XDG_DATA_HOME"))
        return absolute(variable("XDG_DATA_HOME"), "hospes");
    return absolute(home(), ".local/share/hospes");
}

static char *run_folder(void)
{
    if (variable("HOSPES_ROOT"))
        return absolute(variable("HOSPES_ROOT"), "run");
    if (geteuid() == 0)
        return path_make("/run/hospes");
    if (variable("XDG_RUNTIME_DIR"))
        return absolute(variable("XDG_RUNTIME_DIR"), "hospes");
    return path_make("/tmp/hospes-%u", (unsigned)geteuid());
}

int paths_run(char **ret, struct err *e)
{
    OWN_MEM char *dir = run_folder();
    if (!dir)
        return err_code(e, -ENOMEM, "run folder");
    int rc = dir_make(dir, 0700, e);
    if (rc < 0)
        return rc;
    struct stat st;
    if (lstat(dir, &st) < 0)
        return err_sys(e, "%s", dir);
    if (!S_ISDIR(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 022))
        return err_set(e, -EPERM, "%s: belongs to somebody else, or others may write to it", dir);
    *ret = take(dir);
    return 0;
}
