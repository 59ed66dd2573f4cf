#include "state/epoch_record.h"

#include "base/memory.h"

#define RECORD_VERSION 1
#define RANGE_BYTES    26

int epoch_record_encode(const struct epoch_record *r, struct buffer *into)
{
    const uint64_t numbers[] = {
        r->number,  (uint64_t)r->time_ms, (uint64_t)r->clock_ms, (uint64_t)r->interval_ms,
        r->seed,    r->script_hash,       r->redo_parts,         r->redo_checksum,
        r->records, r->window_records,    r->window_errors,      r->range_count,
    };
    int rc = bytes_add_u8(into, RECORD_VERSION);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers && rc == 0; i++) {
        rc = bytes_add_u64(into, numbers[i]);
    }
    for (uint32_t i = 0; i < r->range_count && rc == 0; i++) {
        const struct epoch_range *range = &r->ranges[i];
        rc = bytes_add_u16(into, range->source);
        if (rc == 0) {
            rc = bytes_add_u64(into, range->partition);
        }
        if (rc == 0) {
            rc = bytes_add_u64(into, range->from);
        }
        if (rc == 0) {
            rc = bytes_add_u64(into, range->to);
        }
    }
    return rc;
}

static void read_ranges(struct reader *in, struct epoch_record *r, uint64_t count)
{
    if (count > reader_left(in) / RANGE_BYTES) {
        in->failed = true;
        return;
    }
    r->range_count = (uint32_t)count;
    r->ranges = memory_alloc(count * sizeof *r->ranges);
    for (uint32_t i = 0; i < r->range_count; i++) {
        r->ranges[i].source = reader_u16(in);
        r->ranges[i].partition = reader_u64(in);
        r->ranges[i].from = reader_u64(in);
        r->ranges[i].to = reader_u64(in);
    }
}

int epoch_record_decode(struct slice bytes, struct epoch_record *r, struct error *e)
{
    *r = (struct epoch_record){0};
    struct reader in;
    reader_init(&in, bytes.data, bytes.size);
    bool known = reader_u8(&in) == RECORD_VERSION;
    r->number = reader_u64(&in);
    r->time_ms = (int64_t)reader_u64(&in);
    r->clock_ms = (int64_t)reader_u64(&in);
    r->interval_ms = (int64_t)reader_u64(&in);
    r->seed = reader_u64(&in);
    r->script_hash = reader_u64(&in);
    uint64_t redo_parts = reader_u64(&in);
    r->redo_parts = (uint32_t)redo_parts;
    r->redo_checksum = reader_u64(&in);
    r->records = reader_u64(&in);
    r->window_records = reader_u64(&in);
    r->window_errors = reader_u64(&in);
    read_ranges(&in, r, reader_u64(&in));
    bool good = known && !in.failed && reader_left(&in) == 0 && redo_parts <= UINT32_MAX &&
                r->number > 0 && r->window_errors <= r->window_records;
    if (!good) {
        epoch_record_deinit(r);
        return error_set(e, MILL_ECORRUPT, "the record of an epoch in the store is damaged");
    }
    return 0;
}

void epoch_record_deinit(struct epoch_record *r)
{
    memory_free(r->ranges);
    r->ranges = NULL;
    r->range_count = 0;
}
