/* Goal: CSV of any bytes is read to its end, in every form that options give it.
 * Input: a byte of options, then the text. */
#include "data/csv_decoder.h"
#include "fuzz/fuzz.h"
#include "fuzz/reading.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct slice columns[] = {{"a", 1}, {"id", 2}};
    static const struct field types[] = {{.name = {"a", 1}, .type = FIELD_NUMBER},
                                         {.name = {"id", 2}, .type = FIELD_TIME}};
    if (size == 0) {
        return 0;
    }
    unsigned flags = data[0];
    struct csv_options options = {
        .columns = flags & 1 ? columns : NULL,
        .column_count = flags & 1 ? 2 : 0,
        .types = types,
        .type_count = flags & 1 && flags & 2 ? 2 : 0,
        .separator = flags & 4 ? ';' : ',',
        .has_head = (flags & 9) != 1,
        .is_multiline = (flags & 16) != 0,
    };
    check_decoder(csv_decoder_create(&options), data + 1, size - 1);
    return 0;
}
