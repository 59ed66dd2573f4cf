/* Goal: the scan takes exactly what msgpack-c reads, measures it alike, and lets no bytes through
 * that would make the library allocate by a count that they only claim. */
#include <msgpack.h>

#include "base/check.h"
#include "base/error.h"
#include "data/msgpack.h"
#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t value_size = 0;
    int rc = msgpack_scan(data, size, &value_size);
    if (rc != 0) {
        check(rc == MILL_ECORRUPT && value_size == 0);
        return 0;
    }
    check(value_size > 0 && value_size <= size);
    msgpack_unpacked u;
    msgpack_unpacked_init(&u);
    size_t offset = 0;
    int got = msgpack_unpack_next(&u, (const char *)data, size, &offset);
    check(got == MSGPACK_UNPACK_SUCCESS && offset == value_size);
    msgpack_unpacked_destroy(&u);
    size_t again = 0;
    check(msgpack_scan(data, value_size, &again) == 0 && again == value_size);
    check(msgpack_scan(data, value_size - 1, &again) == MILL_ECORRUPT);
    return 0;
}
