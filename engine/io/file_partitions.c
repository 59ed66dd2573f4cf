#include "io/file_partitions.h"

static enum watermark_place place_of(const struct known_file *known)
{
    struct known_file f = *known;
    f.offset = f.next_offset;
    f.packed_size = f.next_packed_size;
    if (known_file_unread(&f) == 0) {
        return PARTITION_ENDED;
    }
    return f.offset == 0 && f.packed_size == 0 ? PARTITION_WAITS : PARTITION_IS_OPEN;
}

static bool is_read(const struct known_file *f)
{
    return (f->flags & (FILE_NEVER | FILE_RETIRED)) == 0;
}

static const struct known_file *last_begun(const struct file_registry *r)
{
    for (uint32_t i = r->count; i > 0; i--) {
        const struct known_file *f = &r->files[i - 1];
        if (is_read(f) && f->next_offset > 0) {
            return f;
        }
    }
    return NULL;
}

void file_partitions_each(const struct file_registry *r, bool by_name, source_partition_fn fn,
                          void *context)
{
    if (by_name) {
        const struct known_file *last = last_begun(r);
        if (last != NULL) {
            fn(context, last->serial, place_of(last));
        }
        return;
    }
    for (uint32_t i = 0; i < r->count; i++) {
        if (is_read(&r->files[i])) {
            fn(context, r->files[i].serial, place_of(&r->files[i]));
        }
    }
}
