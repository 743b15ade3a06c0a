// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A configuration changed at any of its values, by types, sizes and texts that do not belong there. Whatever
 * comes: it is read, or refused in one plain line that names the value. Seeded, so that a failure comes
 * again.
 */
#include "everything.h"
#include "unit.h"

#include <ctype.h>
#include <stdio.h>

#include "container/config.h"

/* A value of the document, and the path that errors are to name. */
struct place {
    json_t *up, *v;
    const char *key; /* in an object; NULL: index */
    size_t index;
    char path[200];
};

/* The nr-th value that is neither object nor array, depth first; *nr counts down. */
static bool find_leaf(json_t *v, unsigned *nr, struct place *ret)
{
    struct place at = *ret;
    size_t len = strlen(at.path), i;
    const char *key;
    json_t *item;
    if (!json_is_object(v) && !json_is_array(v))
        return (*nr)-- == 0;
    json_object_foreach(v, key, item)
    {
        *ret = (struct place){.up = v, .v = item, .key = key};
        snprintf(ret->path, sizeof(ret->path), "%s%s%s", at.path, len ? "." : "", key);
        if (find_leaf(item, nr, ret))
            return true;
    }
    json_array_foreach(v, i, item)
    {
        *ret = (struct place){.up = v, .v = item, .index = i};
        snprintf(ret->path, sizeof(ret->path), "%s[%zu]", at.path, i);
        if (find_leaf(item, nr, ret))
            return true;
    }
    *ret = at;
    return false;
}

static void put(const struct place *at, json_t *v)
{
    if (at->key)
        json_object_set_new(at->up, at->key, v);
    else
        json_array_set_new(at->up, at->index, v);
}

/* Parse; what is refused is refused well. Returns the error's text, "" if there was none. */
static const char *parse(char *text, struct err *e)
{
    OWN_CONFIG c = {0};
    int rc = config_parse(text, strlen(text), "config.json", &c, e);
    assert_true(rc == 0 || rc == -EINVAL);
    assert_int_equal(rc == 0, e->text[0] == 0);
    for (const char *p = e->text; *p; p++)
        assert_false(iscntrl((unsigned char)*p));
    assert_true(rc == 0 || strncmp(e->text, "config.json: ", 13) == 0);
    return e->text;
}

/* One that parse() can be given: the seccomp profile has a parser of its own. */
static bool next_leaf(json_t *doc, unsigned nr, struct place *ret)
{
    *ret = (struct place){0};
    return find_leaf(doc, &nr, ret);
}

static bool of_the_profile(const struct place *at)
{
    return strncmp(at->path, "linux.seccomp", 13) == 0;
}

static void a_value_of_another_kind_is_named_with_its_whole_path(void **s)
{
    (void)s;
    static const char *const wrong[] = {"{\"a\": 1}", "[[]]", "[{}]"};
    unsigned tried = 0;
    for (unsigned kind = 0; kind < 3; kind++)
        for (unsigned nr = 0;; nr++) {
            OWN(json_t) doc = json_loads(everything, 0, NULL);
            struct place at;
            struct err e = {0};
            if (!next_leaf(doc, nr, &at))
                break;
            put(&at, json_loads(wrong[kind], 0, NULL));
            parse(json_dumps(doc, 0), &e);
            if (of_the_profile(&at))
                continue;
            char want[256];
            snprintf(want, sizeof(want), "config.json: %s: ", at.path);
            if (strncmp(e.text, want, strlen(want)) != 0)
                fail_msg("%s: %s", at.path, e.text);
            tried++;
        }
    assert_true(tried > 150);
}

static json_t *odd_value(unsigned kind)
{
    static const double numbers[] = {-1, 1.5, 1e18, 1e300, -1e300, 4294967296.0, 9007199254740993.0};
    static const char *const texts[] = {"",    "/",  "..",       "../../..",
                                        "-1",  "\n", "\x1b[31m", "\xe2\x80\xae",
                                        "a=b", "=",  "%s%n",     "/proc/self/exe"};
    const unsigned nr_numbers = sizeof(numbers) / sizeof(numbers[0]),
                   nr_texts = sizeof(texts) / sizeof(texts[0]);
    if (kind < nr_numbers)
        return json_real(numbers[kind]);
    if ((kind -= nr_numbers) < nr_texts)
        return json_string(texts[kind]);
    char *long_text = calloc(1, 100001);
    memset(long_text, kind - nr_texts ? '/' : 'x', 100000);
    json_t *v = json_string(long_text);
    free(long_text);
    return kind - nr_texts < 2 ? v : (json_decref(v), kind - nr_texts == 2 ? json_null() : json_true());
}
#define ODD_VALUES 23

static void odd_values_are_read_or_refused(void **s)
{
    (void)s;
    for (unsigned kind = 0; kind < ODD_VALUES; kind++)
        for (unsigned nr = 0;; nr++) {
            OWN(json_t) doc = json_loads(everything, 0, NULL);
            struct place at;
            struct err e = {0};
            if (!next_leaf(doc, nr, &at))
                break;
            put(&at, odd_value(kind));
            parse(json_dumps(doc, 0), &e);
        }
}

/* The text of everything with the nr-th leaf replaced by text as it is. */
static char *with_text(unsigned nr, const char *text, struct place *at)
{
    static const char mark[] = "\"@here@\"";
    OWN(json_t) doc = json_loads(everything, 0, NULL);
    if (!next_leaf(doc, nr, at))
        return NULL;
    put(at, json_string("@here@"));
    char *whole = json_dumps(doc, 0), *hole = strstr(whole, mark), *ret;
    if (asprintf(&ret, "%.*s%s%s", (int)(hole - whole), whole, text, hole + sizeof(mark) - 1) < 0)
        ret = NULL;
    free(whole);
    return ret;
}

static void what_is_no_json_is_refused_anywhere(void **s)
{
    (void)s;
    char *deep = calloc(1, 60001);
    memset(deep, '[', 60000);
    const char *const texts[] = {"\"\xff\xfe\"",
                                 "\"\xc3\"",
                                 "\"a\\u0000b\"",
                                 "\"\\ud800\"",
                                 "01",
                                 "+1",
                                 "NaN",
                                 "1e999999",
                                 "'x'",
                                 ":",
                                 "99999999999999999999999999e9999",
                                 "{\"a\": 1, \"a\": 2}",
                                 "\"x\"\"y\"",
                                 deep};
    for (unsigned i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct place at;
        struct err e = {0};
        char *text;
        for (unsigned nr = 0; (text = with_text(nr, texts[i], &at)); nr += 7) {
            e = (struct err){0};
            if (of_the_profile(&at))
                free(text);
            else
                assert_true(*parse(text, &e));
        }
    }
    free(deep);
}

static void long_lists_are_read_or_refused(void **s)
{
    (void)s;
    enum { ITEMS = 20000 };
    for (unsigned nr = 0;; nr += 5) {
        OWN(json_t) doc = json_loads(everything, 0, NULL);
        struct place at;
        struct err e = {0};
        if (!next_leaf(doc, nr, &at))
            break;
        if (!json_is_array(at.up))
            continue;
        for (unsigned i = 0; i < ITEMS; i++)
            json_array_append(at.up, at.v);
        parse(json_dumps(doc, 0), &e);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_value_of_another_kind_is_named_with_its_whole_path),
        cmocka_unit_test(odd_values_are_read_or_refused),
        cmocka_unit_test(what_is_no_json_is_refused_anywhere),
        cmocka_unit_test(long_lists_are_read_or_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
