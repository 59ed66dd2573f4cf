#include "io/gzip_stream.h"

#include <stdbool.h>
#include <zlib.h>

#include "base/check.h"
#include "base/limits.h"
#include "base/memory.h"
#include "io/input_file.h"

#define PACKED_BYTES (256 * KIB)
#define WINDOW_GZIP  (MAX_WBITS + 16) /* the largest window, and nothing but gzip */

struct gzip_stream {
    z_stream z;
    int fd;
    uint64_t at; /* offset of the next packed byte to be read */
    uint64_t packed_size;
    bool in_member;
    unsigned char packed[PACKED_BYTES];
};

static voidpf allocate(voidpf context, uInt count, uInt size)
{
    (void)context;
    return memory_zero(count, size);
}

static void give_back(voidpf context, voidpf old)
{
    (void)context;
    memory_free(old);
}

struct gzip_stream *gzip_stream_create(void)
{
    struct gzip_stream *g = memory_alloc(sizeof *g);
    g->z = (z_stream){.zalloc = allocate, .zfree = give_back};
    int rc = inflateInit2(&g->z, WINDOW_GZIP);
    check(rc == Z_OK);
    return g;
}

void gzip_stream_destroy(struct gzip_stream *g)
{
    if (g != NULL) {
        inflateEnd(&g->z);
        memory_free(g);
    }
}

void gzip_stream_begin(struct gzip_stream *g, int fd, uint64_t packed_size)
{
    int rc = inflateReset(&g->z);
    check(rc == Z_OK);
    g->z.avail_in = 0;
    g->fd = fd;
    g->at = 0;
    g->packed_size = packed_size;
    g->in_member = false;
}

static int read_packed(struct gzip_stream *g)
{
    uint64_t left = g->packed_size - g->at;
    size_t size = left < PACKED_BYTES ? (size_t)left : PACKED_BYTES;
    size_t got = 0;
    int rc = file_read(g->fd, g->packed, size, g->at, &got);
    if (rc != 0) {
        return rc;
    }
    g->at += got;
    g->z.next_in = g->packed;
    g->z.avail_in = (uInt)got;
    return got == size ? 0 : MILL_EREFUSED;
}

/* Unpack what is there. @return 0 or MILL_ECORRUPT */
static int unpack(struct gzip_stream *g)
{
    g->in_member = true;
    int rc = inflate(&g->z, Z_NO_FLUSH);
    if (rc == Z_STREAM_END) {
        g->in_member = false;
        return inflateReset(&g->z) == Z_OK ? 0 : MILL_ECORRUPT;
    }
    return rc == Z_OK ? 0 : MILL_ECORRUPT;
}

int gzip_stream_read(struct gzip_stream *g, void *into, size_t size, size_t *got)
{
    check(size <= UINT32_MAX);
    g->z.next_out = into;
    g->z.avail_out = (uInt)size;
    *got = 0;
    int rc = 0;
    while (g->z.avail_out > 0 && rc == 0) {
        if (g->z.avail_in > 0) {
            rc = unpack(g);
        } else if (g->at < g->packed_size) {
            rc = read_packed(g);
        } else if (g->in_member) {
            rc = MILL_ECORRUPT; /* it ends in the middle */
        } else {
            break;
        }
    }
    *got = size - g->z.avail_out;
    return rc;
}
