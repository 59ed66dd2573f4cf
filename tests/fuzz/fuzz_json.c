/* Goal: whatever is written as JSON is JSON, and numbers read back to the same double.
 * Input: taken as a double, as a string, as msgpack, and as bytes for base64. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/error.h"
#include "data/json.h"
#include "fuzz/fuzz.h"
#include "json_grammar.h"

static void check_json(struct buffer *b)
{
    check(!b->failed && is_json(b->data, b->size));
    buffer_clear(b);
}

static void check_number(struct buffer *b, const uint8_t *data)
{
    double v = 0;
    memcpy(&v, data, sizeof v);
    check(json_add_number(b, v) == (isfinite(v) != 0));
    if (!isfinite(v)) {
        return;
    }
    check(buffer_append_byte(b, 0) == 0);
    double back = strtod(b->data, NULL);
    check(memcmp(&back, &v, sizeof v) == 0);
    b->size--;
    check_json(b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buffer b;
    buffer_init(&b, 64 * size + 100);
    if (size >= sizeof(double)) {
        check_number(&b, data);
    }
    json_add_string(&b, (const char *)data, size);
    check_json(&b);
    json_add_base64(&b, data, size);
    check_json(&b);
    size_t used = 0;
    int rc = json_add_msgpack(&b, data, size, &used);
    check(rc == 0 || rc == MILL_ECORRUPT);
    if (rc == 0) {
        check_json(&b);
    }
    buffer_deinit(&b);
    return 0;
}
