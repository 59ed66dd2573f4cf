#include "io/manifest.h"

#define MANIFEST_VERSION 1

int manifest_encode(const struct manifest *m, struct buffer *into)
{
    int rc = bytes_add_u8(into, MANIFEST_VERSION);
    rc = rc == 0 ? bytes_add_u8(into, (uint8_t)m->kind) : rc;
    rc = rc == 0 ? bytes_add_u16(into, m->output) : rc;
    const uint64_t numbers[] = {m->epoch,     (uint64_t)m->time_ms, m->is_keyed,
                                m->row_count, m->byte_count,        m->checksum};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers && rc == 0; i++) {
        rc = bytes_add_u64(into, numbers[i]);
    }
    const struct slice strings[] = {m->rows, m->file, m->folder, m->name, m->part, m->label};
    for (size_t i = 0; i < sizeof strings / sizeof *strings && rc == 0; i++) {
        rc = bytes_add_string(into, strings[i].data, strings[i].size);
    }
    return rc;
}

int manifest_decode(struct slice bytes, struct manifest *m, struct error *e)
{
    struct reader in;
    reader_init(&in, bytes.data, bytes.size);
    bool known = reader_u8(&in) == MANIFEST_VERSION;
    uint8_t kind = reader_u8(&in);
    m->kind = (enum manifest_kind)kind;
    m->output = reader_u16(&in);
    m->epoch = reader_u64(&in);
    m->time_ms = (int64_t)reader_u64(&in);
    m->is_keyed = reader_u64(&in) != 0;
    m->row_count = reader_u64(&in);
    m->byte_count = reader_u64(&in);
    m->checksum = reader_u64(&in);
    m->rows = reader_string(&in);
    m->file = reader_string(&in);
    m->folder = reader_string(&in);
    m->name = reader_string(&in);
    m->part = reader_string(&in);
    m->label = reader_string(&in);
    bool good = known && !in.failed && reader_left(&in) == 0 && kind >= MANIFEST_STREAM &&
                kind <= MANIFEST_HELD;
    return good ? 0 : error_set(e, MILL_ECORRUPT, "a manifest in the store is damaged");
}
