// SPDX-License-Identifier: GPL-2.0-or-later
#include "monitor/guest_update.h"

#include <string.h>

#include "base/json.h"
#include "unit.h"

static json_t *guest(const char *mounts)
{
    return json_pack("{s:s, s:s, s:s, s:i, s:{s:i, s:i, s:o}}", "kind", "container", "name", "web", "image",
                     "debian", "memory", 1 << 20, "container", "pids", 7, "cpus_milli", 500, "mounts",
                     json_loads(mounts, 0, NULL));
}

/* What about becomes by the request; NULL: refused, with *ret_code. */
static json_t *changed(json_t *about, const char *request, int *ret_code)
{
    OWN_UPDATE u = {0};
    OWN(json_t) r = json_loads(request, 0, NULL);
    json_t *fields = NULL;
    struct err e = {0};
    assert_non_null(r);
    *ret_code = guest_update_parse(r, &u, &e);
    if (*ret_code == 0)
        *ret_code = guest_update_merge(&u, about, &fields, &e);
    assert_int_equal(*ret_code < 0, fields == NULL);
    assert_int_equal(*ret_code < 0, e.text[0] != 0);
    return fields;
}

static json_int_t number(const json_t *fields, const char *key)
{
    return json_integer_value(json_object_get(json_object_get(fields, "container"), key));
}

static void what_is_not_named_stays(void **state)
{
    (void)state;
    int rc;
    OWN(json_t) about = guest("[]");
    OWN(json_t) fields = changed(about, "{\"memory\": 4194304, \"pids\": 9}", &rc);
    assert_int_equal(json_integer_value(json_object_get(fields, "memory")), 4 << 20);
    assert_int_equal(number(fields, "pids"), 9);
    assert_int_equal(number(fields, "cpus_milli"), 500);
    assert_int_equal(json_integer_value(json_object_get(about, "memory")), 1 << 20); /* untouched */
    OWN(json_t) none = changed(about, "{\"memory\": 0, \"cpus_milli\": 0}", &rc);
    assert_int_equal(json_integer_value(json_object_get(none, "memory")), 0);
    assert_int_equal(number(none, "cpus_milli"), 0);
}

static void mounts_come_and_go(void **state)
{
    (void)state;
    int rc;
    OWN(json_t) about = guest("[\"/:/all:ro\", \"/tmp:/t\"]");
    OWN(json_t) fields = changed(about, "{\"unmount\": [\"/all/\"], \"mount\": [\"/dev:/all\"]}", &rc);
    OWN_MEM char *text =
        json_dumps(json_object_get(json_object_get(fields, "container"), "mounts"), JSON_COMPACT);
    assert_string_equal(text, "[\"/tmp:/t\",\"/dev:/all\"]");
}

static void nonsense_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *request;
        int code;
    } bad[] = {{"{\"memory\": 5}", -EINVAL},
               {"{\"memory\": -5}", -EINVAL},
               {"{\"memory\": \"much\"}", -EINVAL},
               {"{\"cpus_milli\": 1}", -EINVAL},
               {"{\"pids\": 99999999}", -EINVAL},
               {"{\"mount\": [\"/tmp\"]}", -EINVAL},
               {"{\"mount\": [\"/tmp:/a/../b\"]}", -EINVAL},
               {"{\"mount\": [\"/no/such/folder:/a\"]}", -ENOENT},
               {"{\"mount\": [\"/tmp:/t/\"]}", -EEXIST},
               {"{\"mount\": [\"/tmp:/u\", \"/tmp:/u\"]}", -EEXIST},
               {"{\"mount\": 5}", -EINVAL},
               {"{\"unmount\": [\"/u\"]}", -ENOENT},
               {"{\"unmount\": [\"/t\", \"/t\"]}", -ENOENT}};
    OWN(json_t) about = guest("[\"/tmp:/t\"]");
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        int rc;
        OWN(json_t) fields = changed(about, bad[i].request, &rc);
        assert_null(fields);
        assert_int_equal(rc, bad[i].code);
    }
}

static void of_a_machine_ports_alone_are_changed(void **state)
{
    (void)state;
    int rc;
    OWN(json_t) about = json_pack("{s:s, s:s}", "kind", "machine", "image", "debian");
    OWN(json_t) fields = changed(about, "{\"memory\": 4194304}", &rc);
    assert_null(fields);
    assert_int_equal(rc, -EOPNOTSUPP);
    OWN(json_t)
    ports = changed(about, "{\"publish\": [{\"host_port\": 80, \"guest_port\": 8080}], \"mount\": []}", &rc);
    assert_int_equal(rc, 0);
    assert_int_equal(json_array_size(json_object_get(ports, "ports")), 1);
    assert_null(json_object_get(ports, "container"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_named_stays),
        cmocka_unit_test(mounts_come_and_go),
        cmocka_unit_test(nonsense_is_refused),
        cmocka_unit_test(of_a_machine_ports_alone_are_changed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
