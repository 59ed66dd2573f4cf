#include "io/known_file.h"

#include "base/check.h"
#include "base/hash.h"

static uint32_t mark_of(const void *bytes, size_t size)
{
    return (uint32_t)hash_bytes(bytes, size);
}

void file_head_take(struct file_head *h, const void *bytes, size_t size)
{
    check(size <= FILE_HEAD_BYTES);
    *h = (struct file_head){.size = (uint32_t)size, .hash = hash_bytes(bytes, size)};
    for (uint32_t i = 0; i < FILE_HEAD_MARKS && ((size_t)1 << i) < size; i++) {
        h->marks[i] = mark_of(bytes, (size_t)1 << i);
    }
}

static bool is_head_equal(const struct file_head *h, const void *bytes, uint64_t size)
{
    if (size >= h->size) {
        return hash_bytes(bytes, h->size) == h->hash;
    }
    uint32_t i = 0;
    while (i + 1 < FILE_HEAD_MARKS && ((uint64_t)1 << (i + 1)) <= size) {
        i++;
    }
    return mark_of(bytes, (size_t)1 << i) == h->marks[i];
}

enum file_verdict known_file_judge(const struct known_file *f, const void *head, uint64_t size)
{
    if (f->head.size == 0 || size == 0) {
        return FILE_SAME;
    }
    if (!is_head_equal(&f->head, head, size)) {
        return FILE_ANOTHER;
    }
    uint64_t read = (f->flags & FILE_PACKED) != 0 ? f->packed_size : f->offset;
    return size < read && (f->flags & FILE_NEVER) == 0 ? FILE_SMALLER : FILE_SAME;
}

uint64_t known_file_left(const struct known_file *f)
{
    uint64_t read = (f->flags & FILE_PACKED) != 0 ? f->packed_size : f->offset;
    bool counts = f->is_listed && (f->flags & (FILE_NEVER | FILE_RETIRED)) == 0;
    return counts && f->size > read ? f->size - read : 0;
}

/* A .gz that is still being written would not unpack, so it is taken when it stands still; an
 * unfinished line waits for the same. */
uint64_t known_file_unread(const struct known_file *f)
{
    bool is_packed = (f->flags & FILE_PACKED) != 0;
    bool waits = is_packed ? f->is_stuck || !f->is_still : f->is_stuck && !f->is_still;
    return waits || f->is_blocked ? 0 : known_file_left(f);
}
