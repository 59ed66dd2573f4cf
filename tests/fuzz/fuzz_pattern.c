/* Goal: any text is a pattern or is refused; lines of any bytes match one or say where they stop.
 * Input: the pattern in the first line, then the text. */
#include "data/pattern_decoder.h"
#include "fuzz/fuzz.h"
#include "fuzz/reading.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *end = size == 0 ? NULL : memchr(data, '\n', size);
    size_t first = end == NULL ? size : (size_t)(end - data);
    struct pattern *pattern = NULL;
    struct error e = {0};
    if (pattern_compile((const char *)data, first, &pattern, &e) != 0) {
        check(e.message[0] != '\0');
        return 0;
    }
    size_t rest = end == NULL ? size : first + 1;
    check_decoder(pattern_decoder_create(pattern), data + rest, size - rest);
    return 0;
}
