#include "script/record_decoder.h"

#include "data/json_decoder.h"

struct decoder *record_decoder_create(const struct graph_source *source)
{
    if (!graph_is_text(source)) {
        return NULL;
    }
    switch (source->format) {
    case RECORDS_JSON:
        return json_decoder_create(source->is_strict);
    case RECORDS_TEXT:
        break;
    }
    return NULL;
}
