#include "script/record_decoder.h"

#include <string.h>

#include "base/check.h"
#include "data/csv_decoder.h"
#include "data/json_decoder.h"
#include "data/msgpack_decoder.h"
#include "data/pattern_decoder.h"

/* The script's load has compiled it before. */
static struct decoder *create_pattern_decoder(const char *layout)
{
    struct pattern *pattern = NULL;
    int rc = pattern_compile(layout, strlen(layout), &pattern, NULL);
    check(rc == 0);
    return pattern_decoder_create(pattern);
}

struct decoder *record_decoder_create(const struct graph_source *source)
{
    if (!graph_is_text(source)) {
        return NULL;
    }
    switch (source->format) {
    case RECORDS_JSON:
        return json_decoder_create(source->is_strict);
    case RECORDS_CSV:
        return csv_decoder_create(&source->csv);
    case RECORDS_PATTERN:
        return create_pattern_decoder(source->layout);
    case RECORDS_ACCESS_LOG:
        return access_log_decoder_create();
    case RECORDS_MSGPACK:
        return msgpack_decoder_create();
    case RECORDS_TEXT:
        break;
    }
    return NULL;
}
