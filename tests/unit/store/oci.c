// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/oci_manifest.h"

#include "base/json.h"
#include "store/image_config.h"
#include "store/layer.h"
#include "store/layer_mark.h"
#include "unit.h"

#define A64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B64 "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define DA  "{\"digest\": \"sha256:" A64 "\", \"size\": 10}"
#define DB  "{\"digest\": \"sha256:" B64 "\", \"size\": 20}"

static const char manifest[] = "{\"schemaVersion\": 2, \"config\": " DA ", \"layers\": [" DA ", " DB "]}";
static const char config[] =
    "{\"os\": \"linux\", \"architecture\": \"amd64\", \"rootfs\": {\"type\": \"layers\", \"diff_ids\": "
    "[\"sha256:" A64 "\", \"sha256:" B64
    "\"]}, \"config\": {\"Entrypoint\": [\"/bin/a\"], \"Cmd\": [\"b\", \"c\"], \"Env\": [\"X=1\", "
    "\"junk\", \"=2\"], \"WorkingDir\": \"srv\", \"User\": \"web:www\", \"ExposedPorts\": {\"80/tcp\": {}}, "
    "\"Volumes\": {\"/data\": {}}, \"StopSignal\": \"SIGINT\", \"Labels\": {\"k\": \"v\"}, \"Healthcheck\": "
    "7}}";
static const char indexes[] =
    "{\"manifests\": ["
    "{\"digest\": \"sha256:" A64
    "\", \"size\": 1, \"platform\": {\"os\": \"linux\", \"architecture\": \"arm64\"}, "
    "\"annotations\": {\"org.opencontainers.image.ref.name\": \"one\"}},"
    "{\"digest\": \"sha256:" B64
    "\", \"size\": 2, \"platform\": {\"os\": \"linux\", \"architecture\": \"amd64\"}, "
    "\"annotations\": {\"org.opencontainers.image.ref.name\": \"one\"}},"
    "{\"digest\": \"sha256:" A64 "\", \"size\": 3, "
    "\"annotations\": {\"org.opencontainers.image.ref.name\": \"example.org:5000/web:two\"}}]}";

static json_t *parse(const char *text)
{
    json_t *j = NULL;
    struct err e;
    if (json_parse(text, strlen(text), "text", &j, &e) < 0)
        fail_msg("%s: %s", e.text, text);
    return j;
}

/* ---- digests ---- */

static void sums_are_those_of_the_standard(void **state)
{
    (void)state;
    struct digest d; /* FIPS 180-4, examples */
    assert_int_equal(digest_of("abc", 3, &d), 0);
    assert_string_equal(d.hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_int_equal(digest_of("", 0, &d), 0);
    assert_string_equal(d.hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static void only_a_whole_sha256_is_a_digest(void **state)
{
    (void)state;
    const char *const bad[] = {"",
                               "sha256:",
                               A64,
                               "sha256:" A64 "a",
                               "sha512:" A64 A64,
                               "sha256:AAAAaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
                               "sha256:../../../../../../../../../../../../../../../../../../../etc/pas"};
    struct digest d;
    struct err e;
    assert_int_equal(digest_parse("sha256:" A64, &d, &e), 0);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(digest_parse(bad[i], &d, &e), -EINVAL);
}

static void chain_ids_are_those_of_the_specification(void **state)
{
    (void)state;
    struct digest a = {A64}, b = {B64}, chain, want;
    assert_int_equal(layer_chain(NULL, &a, &chain), 0);
    assert_true(digest_same(&chain, &a));
    assert_int_equal(layer_chain(&a, &b, &chain), 0);
    assert_int_equal(digest_of("sha256:" A64 " sha256:" B64, 143, &want), 0);
    assert_true(digest_same(&chain, &want));
}

/* ---- marks ---- */

static void marks_are_told_from_names(void **state)
{
    (void)state;
    const char *gone = NULL;
    assert_int_equal(layer_mark("file", &gone), MARK_NONE);
    assert_int_equal(layer_mark(".wh", &gone), MARK_NONE);
    assert_int_equal(layer_mark(".wh.file", &gone), MARK_GONE);
    assert_string_equal(gone, "file");
    assert_int_equal(layer_mark(".wh..file", &gone), MARK_GONE);
    assert_string_equal(gone, ".file");
    assert_int_equal(layer_mark(".wh..wh..opq", &gone), MARK_OPAQUE);
    assert_int_equal(layer_mark(".wh..wh.aufs", &gone), MARK_OTHER);
    assert_int_equal(layer_mark(".wh.", &gone), MARK_INVALID);
    assert_int_equal(layer_mark(".wh..", &gone), MARK_INVALID);
    assert_int_equal(layer_mark(".wh...", &gone), MARK_INVALID);
}

/* ---- manifests ---- */

static void a_manifest_names_configuration_and_layers(void **state)
{
    (void)state;
    OWN_MANIFEST m = {0};
    OWN(json_t) j = parse(manifest);
    struct err e;
    assert_int_equal(oci_manifest_parse(j, &m, &e), 0);
    assert_int_equal(m.nr_layers, 2);
    assert_int_equal(m.layers[1].bytes, 20);
    OWN_MEM char *again = oci_manifest_make(&m);
    OWN(json_t) k = parse(again);
    OWN_MANIFEST n = {0};
    assert_int_equal(oci_manifest_parse(k, &n, &e), 0);
    assert_true(digest_same(&n.layers[1].digest, &m.layers[1].digest));
}

static void manifests_of_other_things_are_refused(void **state)
{
    (void)state;
    const struct {
        const char *text, *why;
        int code;
    } bad[] = {
        {"{}", "schemaVersion", -EINVAL},
        {"{\"schemaVersion\": 1, \"fsLayers\": []}", "schema 1", -EOPNOTSUPP},
        {"{\"schemaVersion\": \"2\"}", "schemaVersion", -EINVAL},
        {"{\"schemaVersion\": 2, \"config\": 3, \"layers\": []}", "config", -EINVAL},
        {"{\"schemaVersion\": 2, \"config\": " DA ", \"layers\": []}", "0 layers", -EINVAL},
        {"{\"schemaVersion\": 2, \"config\": " DA ", \"layers\": {}}", "layers", -EINVAL},
        {"{\"schemaVersion\": 2, \"config\": " DA ", \"layers\": [7]}", "layer 1", -EINVAL},
        {"{\"schemaVersion\": 2, \"config\": " DA ", \"layers\": [{\"digest\": \"sha256:" A64
         "\", \"size\": -1}]}",
         "size", -EINVAL},
        {"{\"schemaVersion\": 2, \"config\": " DA ", \"layers\": [{\"digest\": \"md5:1\", \"size\": 1}]}",
         "digest", -EINVAL},
        {"{\"schemaVersion\": 2, \"config\": {\"mediaType\": \"application/vnd.example.helm\", \"digest\": "
         "\"sha256:" A64 "\", \"size\": 1}, \"layers\": [" DA "]}",
         "artifact", -EOPNOTSUPP},
        {"{\"schemaVersion\": 2, \"config\": " DA ", \"layers\": [{\"mediaType\": \"x+encrypted\"}]}",
         "encrypted", -EOPNOTSUPP},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        OWN_MANIFEST m = {0};
        OWN(json_t) j = parse(bad[i].text);
        struct err e = {0};
        int rc = oci_manifest_parse(j, &m, &e);
        if (rc != bad[i].code || !strstr(e.text, bad[i].why))
            fail_msg("%s: %d %s", bad[i].text, rc, e.text);
        assert_null(m.layers);
    }
}

/* ---- indexes ---- */

static int choose(const char *tag, uint64_t *ret_bytes, struct err *e)
{
    OWN(json_t) j = parse(indexes);
    struct blob b = {0};
    const char *ref;
    assert_true(oci_is_index(j));
    int rc = oci_index_choose(j, tag, &b, &ref, e);
    *ret_bytes = b.bytes;
    return rc;
}

static void an_index_gives_this_machines_platform_by_tag(void **state)
{
    (void)state;
    struct err e;
    uint64_t bytes;
    assert_int_equal(choose("one", &bytes, &e), 0);
    assert_int_equal(bytes, 2);
    assert_int_equal(choose("two", &bytes, &e), 0);
    assert_int_equal(bytes, 3);
    assert_int_equal(choose("example.org:5000/web:two", &bytes, &e), 0);
    assert_int_equal(choose("three", &bytes, &e), -ENOENT);
    assert_non_null(strstr(e.text, "nothing tagged three in it (there are: one"));
    assert_int_equal(choose(NULL, &bytes, &e), -EINVAL);
    assert_non_null(strstr(e.text, "--tag"));
}

static void an_index_without_this_platform_tells_what_it_has(void **state)
{
    (void)state;
    OWN(json_t)
    j = parse("{\"manifests\": [{\"digest\": \"sha256:" A64
              "\", \"size\": 1, \"platform\": {\"os\": \"linux\", "
              "\"architecture\": \"s390x\"}}]}");
    struct blob b;
    const char *ref;
    struct err e;
    assert_int_equal(oci_index_choose(j, NULL, &b, &ref, &e), -ENOENT);
    assert_string_equal(e.text, "nothing for linux/amd64 in it (there are: linux/s390x)");
}

static void a_tag_is_what_stands_behind_the_last_colon_of_a_name(void **state)
{
    (void)state;
    assert_string_equal(oci_tag("latest"), "latest");
    assert_string_equal(oci_tag("web:1.2"), "1.2");
    assert_string_equal(oci_tag("example.org:5000/web:1.2"), "1.2");
    assert_string_equal(oci_tag("example.org:5000/web"), "example.org:5000/web");
}

/* ---- configurations ---- */

static void a_configuration_tells_layers_and_command(void **state)
{
    (void)state;
    OWN(json_t) j = parse(config);
    OWN(json_t) about = NULL;
    OWN_MEM struct digest *ids = NULL;
    struct image_config c;
    struct err e;
    assert_int_equal(oci_config_layers(j, 2, &ids, &e), 0);
    assert_string_equal(ids[1].hex, B64);
    assert_int_equal(image_config_from_oci(j, &about, &e), 0);
    assert_int_equal(image_config_parse(about, &c, &e), 0);
    assert_string_equal(c.entrypoint[0], "/bin/a");
    assert_string_equal(c.command[1], "c");
    assert_string_equal(c.environment[0], "X=1");
    assert_null(c.environment[1]);
    assert_string_equal(c.directory, "/srv");
    assert_string_equal(c.user, "web:www");
    assert_string_equal(c.ports[0], "80/tcp");
    assert_string_equal(c.volumes[0], "/data");
    assert_string_equal(c.stop_signal, "SIGINT");
    assert_string_equal(json_string_value(json_object_get(json_object_get(about, "labels"), "k")), "v");
    image_config_fini(&c);
}

static void configurations_of_other_shape_are_refused(void **state)
{
    (void)state;
    const char *const bad[] = {
        "{\"config\": []}",
        "{\"config\": {\"Cmd\": \"sh\"}}",
        "{\"config\": {\"Env\": [1]}}",
        "{\"config\": {\"Env\": {}}}",
        "{\"config\": {\"ExposedPorts\": [\"80\"]}}",
        "{\"config\": {\"Volumes\": 1}}",
        "{\"config\": {\"Labels\": {\"a\": 1}}}",
        "{\"config\": {\"WorkingDir\": 1}}",
        "{\"config\": {\"User\": []}}",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        OWN(json_t) j = parse(bad[i]);
        json_t *about = NULL;
        struct err e = {0};
        assert_int_equal(image_config_from_oci(j, &about, &e), -EINVAL);
        assert_true(e.text[0] != 0);
    }
}

static void layers_and_their_sums_must_be_as_many(void **state)
{
    (void)state;
    OWN(json_t) j = parse(config);
    OWN(json_t) arm = parse("{\"os\": \"linux\", \"architecture\": \"arm64\"}");
    struct digest *ids = NULL;
    struct err e;
    assert_int_equal(oci_config_layers(j, 3, &ids, &e), -EINVAL);
    assert_int_equal(oci_config_layers(arm, 1, &ids, &e), -EINVAL);
    assert_string_equal(e.text, "its programs are for linux/arm64, not for linux/amd64");
}

/* ---- anything ---- */

static uint32_t next(uint32_t *x)
{
    *x ^= *x << 13;
    *x ^= *x >> 17;
    return *x ^= *x << 5;
}

static void look_at(const json_t *j)
{
    OWN_MANIFEST m = {0};
    OWN_MEM struct digest *ids = NULL;
    OWN(json_t) about = NULL;
    struct image_config c;
    struct blob b;
    const char *ref;
    struct err e;
    (void)oci_manifest_parse(j, &m, &e);
    if (oci_is_index(j)) {
        (void)oci_index_choose(j, NULL, &b, &ref, &e);
        (void)oci_index_choose(j, "one", &b, &ref, &e);
    }
    (void)oci_config_layers(j, 2, &ids, &e);
    if (image_config_from_oci(j, &about, &e) == 0) {
        assert_int_equal(image_config_parse(about, &c, &e), 0); /* what we keep we can read */
        image_config_fini(&c);
    }
}

/* Any node of a document gets another type or goes. */
static void mutate(json_t *j, uint32_t *x)
{
    static const char *const values[] = {"null",
                                         "true",
                                         "-1",
                                         "1e300",
                                         "\"\"",
                                         "[]",
                                         "{}",
                                         "[[[[{}]]]]",
                                         "9223372036854775807",
                                         "\"sha256:" A64 "\"",
                                         "[null, 1, \"a\"]"};
    json_t *value, *other;
    const char *key;
    void *safe;
    size_t i;
    json_object_foreach_safe(j, safe, key, value)
    {
        if (next(x) % 12 == 0) {
            other = json_loads(values[next(x) % (sizeof(values) / sizeof(values[0]))], JSON_DECODE_ANY, NULL);
            json_object_set_new(j, key, other);
        } else {
            mutate(value, x);
        }
    }
    json_array_foreach(j, i, value)
    {
        if (next(x) % 12 == 0)
            json_array_set_new(
                j, i,
                json_loads(values[next(x) % (sizeof(values) / sizeof(values[0]))], JSON_DECODE_ANY, NULL));
        else
            mutate(value, x);
    }
}

static void documents_of_wrong_types_hurt_nobody(void **state)
{
    (void)state;
    const char *const texts[] = {manifest, config, indexes};
    uint32_t x = 2463534242u;
    for (unsigned i = 0; i < 30000; i++) {
        OWN(json_t) j = parse(texts[i % 3]);
        mutate(j, &x);
        look_at(j);
    }
}

static void documents_of_damaged_bytes_hurt_nobody(void **state)
{
    (void)state;
    const char *const texts[] = {manifest, config, indexes};
    uint32_t x = 88675123u;
    for (unsigned i = 0; i < 30000; i++) {
        char text[2048];
        size_t len = strlen(texts[i % 3]);
        memcpy(text, texts[i % 3], len);
        for (unsigned n = next(&x) % 4 + 1; n; n--)
            text[next(&x) % len] = (char)next(&x);
        json_t *j = NULL;
        struct err e;
        if (json_parse(text, next(&x) % 8 ? len : next(&x) % len, "text", &j, &e) == 0)
            look_at(j);
        json_decref(j);
    }
}

static void a_document_that_is_very_deep_is_refused(void **state)
{
    (void)state;
    OWN_MEM char *text = malloc(200001);
    memset(text, '[', 200000);
    text[200000] = 0;
    json_t *j = NULL;
    struct err e;
    assert_int_equal(json_parse(text, 200000, "text", &j, &e), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_are_those_of_the_standard),
        cmocka_unit_test(only_a_whole_sha256_is_a_digest),
        cmocka_unit_test(chain_ids_are_those_of_the_specification),
        cmocka_unit_test(marks_are_told_from_names),
        cmocka_unit_test(a_manifest_names_configuration_and_layers),
        cmocka_unit_test(manifests_of_other_things_are_refused),
        cmocka_unit_test(an_index_gives_this_machines_platform_by_tag),
        cmocka_unit_test(an_index_without_this_platform_tells_what_it_has),
        cmocka_unit_test(a_tag_is_what_stands_behind_the_last_colon_of_a_name),
        cmocka_unit_test(a_configuration_tells_layers_and_command),
        cmocka_unit_test(configurations_of_other_shape_are_refused),
        cmocka_unit_test(layers_and_their_sums_must_be_as_many),
        cmocka_unit_test(documents_of_wrong_types_hurt_nobody),
        cmocka_unit_test(documents_of_damaged_bytes_hurt_nobody),
        cmocka_unit_test(a_document_that_is_very_deep_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
