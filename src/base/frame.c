// SPDX-License-Identifier: GPL-2.0-or-later
/* frame: see frame.h. */
#include "base/frame.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

ssize_t frame_parse(const void *bytes, size_t len, struct frame *ret)
{
    const uint8_t *p = bytes;
    /* Nonsense is told from its first bytes on: a peer that talks something else may never send eight. */
    for (size_t i = 0; i < len && i < 4; i++)
        if (i == 0 ? p[0] == 0 || p[0] >= FRAME_TYPES : p[i] != 0)
            return -EPROTO;
    if (len < FRAME_HEADER)
        return 0;
    uint32_t payload;
    memcpy(&payload, p + 4, 4);
    payload = le32toh(payload);
    if (payload > FRAME_MAX)
        return -EPROTO;
    if (len - FRAME_HEADER < payload)
        return 0;
    *ret = (struct frame){.type = (enum frame_type)p[0], .payload = p + FRAME_HEADER, .len = payload};
    return (ssize_t)(FRAME_HEADER + payload);
}

void frame_header(uint8_t ret[FRAME_HEADER], enum frame_type type, uint32_t len)
{
    uint32_t le = htole32(len);
    ret[0] = (uint8_t)type;
    ret[1] = ret[2] = ret[3] = 0;
    memcpy(ret + 4, &le, 4);
}

size_t frame_put(void *out, enum frame_type type, const void *payload, uint32_t len)
{
    frame_header(out, type, len);
    if (len)
        memcpy((uint8_t *)out + FRAME_HEADER, payload, len);
    return FRAME_HEADER + (size_t)len;
}

size_t frame_put_exit(void *out, int32_t status)
{
    uint32_t le = htole32((uint32_t)status);
    return frame_put(out, FRAME_EXIT, &le, sizeof(le));
}

size_t frame_put_resize(void *out, uint16_t cols, uint16_t rows)
{
    uint16_t le[2] = {htole16(cols), htole16(rows)};
    return frame_put(out, FRAME_RESIZE, le, sizeof(le));
}

size_t frame_put_signal(void *out, uint8_t number)
{
    return frame_put(out, FRAME_SIGNAL, &number, 1);
}

bool frame_get_exit(const struct frame *f, int32_t *ret_status)
{
    uint32_t le;
    if (f->type != FRAME_EXIT || f->len != sizeof(le))
        return false;
    memcpy(&le, f->payload, sizeof(le));
    *ret_status = (int32_t)le32toh(le);
    return true;
}

bool frame_get_resize(const struct frame *f, uint16_t *ret_cols, uint16_t *ret_rows)
{
    uint16_t le[2];
    if (f->type != FRAME_RESIZE || f->len != sizeof(le))
        return false;
    memcpy(le, f->payload, sizeof(le));
    *ret_cols = le16toh(le[0]);
    *ret_rows = le16toh(le[1]);
    return true;
}

bool frame_get_signal(const struct frame *f, uint8_t *ret_number)
{
    if (f->type != FRAME_SIGNAL || f->len != 1)
        return false;
    *ret_number = f->payload[0];
    return true;
}
