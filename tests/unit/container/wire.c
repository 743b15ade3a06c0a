// SPDX-License-Identifier: GPL-2.0-or-later
#include "unit.h"

#include <string.h>

#include "base/err.h"
#include "container/wire.h"

static void writes(const struct buf *b, const char *want, size_t len)
{
    assert_int_equal(b->len, len);
    assert_memory_equal(buf_data(b), want, len);
}

/* The examples of the encoding's own documentation. */
static void fields_are_written_as_documented(void **s)
{
    (void)s;
    OWN_BUF number = {0}, text = {0}, outer = {0}, negative = {0}, none = {0};
    wire_number(&number, 1, 150);
    writes(&number, "\x08\x96\x01", 3);
    wire_text(&text, 2, "testing");
    writes(&text, "\x12\x07testing", 9);
    wire_part(&outer, 3, &number);
    writes(&outer, "\x1a\x03\x08\x96\x01", 5);
    wire_number(&negative, 1, -2);
    writes(&negative, "\x08\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11);
    wire_text(&none, 1, NULL);
    assert_int_equal(none.len, 0);
    wire_part(&none, 16, &(struct buf){0});
    writes(&none, "\x82\x01\x00", 3);
}

static void what_is_written_is_read_again(void **s)
{
    (void)s;
    OWN_BUF b = {0};
    struct wire_field f;
    char text[4];
    wire_number(&b, 63, INT64_MAX);
    wire_text(&b, 5, "abcdef");
    wire_number(&b, 1, 0);
    const uint8_t *at = buf_data(&b), *end = at + b.len;
    assert_int_equal(wire_next(&at, end, &f), 1);
    assert_int_equal(f.number, 63);
    assert_true(f.value == INT64_MAX && !f.data);
    assert_int_equal(wire_next(&at, end, &f), 1);
    assert_int_equal(f.number, 5);
    wire_string(&f, text, sizeof(text));
    assert_string_equal(text, "abc");
    assert_int_equal(wire_next(&at, end, &f), 1);
    assert_true(f.number == 1 && f.value == 0);
    assert_int_equal(wire_next(&at, end, &f), 0);
}

static int read_all(const char *data, size_t len)
{
    const uint8_t *at = (const uint8_t *)data, *end = at + len;
    struct wire_field f;
    int rc;
    while ((rc = wire_next(&at, end, &f)) > 0)
        assert_true(!f.data || (f.data >= (const uint8_t *)data && f.data + f.len <= end));
    return rc;
}

static void nonsense_is_refused(void **s)
{
    (void)s;
    const struct {
        const char *data;
        size_t len;
    } bad[] = {
        {"\x08", 1},                                              /* no number */
        {"\x08\x80", 2},                                          /* half a number */
        {"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 12}, /* one without an end */
        {"\x12\x07test", 6},                                      /* a text that is too short */
        {"\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11},     /* and one of nearly 2^64 bytes */
        {"\x00\x00", 2},                                          /* field 0 */
        {"\x0b", 1},                                              /* a kind of old */
        {"\x09\x01\x02", 3},                                      /* half of 64 bits */
    };
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(read_all(bad[i].data, bad[i].len), -EPROTO);
    assert_int_equal(read_all("\x09\x01\x02\x03\x04\x05\x06\x07\x08\x0d\x01\x02\x03\x04", 14), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_are_written_as_documented),
        cmocka_unit_test(what_is_written_is_read_again),
        cmocka_unit_test(nonsense_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
