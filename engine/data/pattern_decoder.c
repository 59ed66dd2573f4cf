#include "data/pattern_decoder.h"

#include "data/access_log.h"
#include "data/named_decoder.h"

#define WANTED_SHOWN 40 /* bytes of a text that is not there */

struct pattern_decoder {
    struct named_decoder base; /* first */
    struct pattern *pattern;   /* NULL: access logs */
    struct slice texts[LIMIT_PATTERN_FIELDS_MAX];
};

_Static_assert(ACCESS_LOG_FIELDS <= LIMIT_PATTERN_FIELDS_MAX, "texts of an access log");

static struct pattern_decoder *of(struct named_decoder *d)
{
    return (struct pattern_decoder *)d;
}

static void take_texts(struct named_decoder *d, struct csv_field *values)
{
    for (uint32_t i = 0; i < d->field_count; i++) {
        values[i] = (struct csv_field){.text = of(d)->texts[i]};
    }
}

static const char *split_by_pattern(struct named_decoder *d, struct slice row,
                                    struct csv_field *values)
{
    size_t stopped = 0;
    struct slice wanted = {NULL, 0};
    if (pattern_match(of(d)->pattern, row, of(d)->texts, &stopped, &wanted)) {
        take_texts(d, values);
        return NULL;
    }
    int shown = (int)(wanted.size < WANTED_SHOWN ? wanted.size : WANTED_SHOWN);
    return named_decoder_refuse(
        d, "the pattern matches up to byte %zu; behind it there is no \"%.*s\"", stopped, shown,
        wanted.data);
}

static const char *split_access_log(struct named_decoder *d, struct slice row,
                                    struct csv_field *values)
{
    size_t stopped = 0;
    const char *wanted = access_log_split(row, of(d)->texts, &stopped);
    if (wanted != NULL) {
        return named_decoder_refuse(d, "no access log: at byte %zu there is not %s", stopped + 1,
                                    wanted);
    }
    take_texts(d, values);
    return NULL;
}

static void destroy(struct decoder *d)
{
    struct pattern_decoder *p = (struct pattern_decoder *)d;
    named_decoder_deinit(&p->base);
    pattern_destroy(p->pattern);
    memory_free(p);
}

static struct pattern_decoder *create(void)
{
    static const struct decoder_ops ops = {.want = named_decoder_want,
                                           .read = named_decoder_read,
                                           .to_json = named_decoder_to_json,
                                           .destroy = destroy};
    struct pattern_decoder *p = memory_zero(1, sizeof *p);
    p->base.base.ops = &ops;
    named_decoder_init(&p->base);
    return p;
}

struct decoder *pattern_decoder_create(struct pattern *pattern)
{
    struct pattern_decoder *p = create();
    p->pattern = pattern;
    p->base.split = split_by_pattern;
    uint32_t count = 0;
    const struct field *fields = pattern_fields(pattern, &count);
    named_decoder_set_fields(&p->base, fields, count);
    return &p->base.base;
}

struct decoder *access_log_decoder_create(void)
{
    struct pattern_decoder *p = create();
    p->base.split = split_access_log;
    named_decoder_set_fields(&p->base, access_log_fields(), ACCESS_LOG_FIELDS);
    return &p->base.base;
}
