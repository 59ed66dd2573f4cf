#include "data/json_walk.h"

#include <cstdio>
#include <cstring>
#include <new>

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpragmas"
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#undef SIMDJSON_THREADS_ENABLED /* a stream would allocate what a thread needs */
#if !defined TIDEMILL_DEBUG && !defined NDEBUG
#define NDEBUG /* simdjson's own assertions are a tenth of the walk */
#endif
#include <simdjson.h>
#pragma GCC diagnostic pop

extern "C" {
#include "base/check.h"
#include "data/json_escape.h"
#include "data/json_place.h"
}

namespace ondemand = simdjson::ondemand;
using simdjson::error_code;

namespace
{

/* The keys of the first so many members are remembered. */
constexpr uint32_t places_max = 64;
constexpr int32_t unwanted = -1;

/* A parser that has grown for a long line goes, with four times its bytes. */
constexpr size_t parser_kept = size_t{1} << 20;

/* So many bytes of lines go through simdjson's first stage together. */
constexpr size_t batch_bytes = 16 * KIB;

/* Lines of the text that follow one another. Those in front of `end` need no batch any more. `next`
 * is where the stream's next record begins; NULL: it is used up, or given up. */
struct batch {
    struct slice text = {}; /* what lines may be taken from, with padding behind it */
    const char *end = nullptr;
    const char *next = nullptr;
    ondemand::parser parser;
    ondemand::document_stream records;
    ondemand::document_stream::iterator record;
};

} // namespace

struct json_walk {
    ondemand::parser parser; /* of single lines */
    struct batch batch;
    const struct slice *names = nullptr;
    uint32_t name_count = 0;
    struct json_place places[places_max];
    uint32_t place_count = 0;
    char reason[128];
};

static_assert(simdjson::SIMDJSON_PADDING <= LIMIT_TEXT_PADDING, "padding");
static_assert(JSON_PLACE_BYTES < LIMIT_TEXT_PADDING, "a key may be compared beyond a line's end");

/* --- keys --- */

static int32_t find_name(const struct json_walk *w, const char *key, size_t size)
{
    bool is_escaped = memchr(key, '\\', size) != nullptr;
    for (uint32_t i = 0; i < w->name_count; i++) {
        struct slice name = w->names[i];
        bool is_same = is_escaped ? json_means(key, size, name)
                                  : size == name.size && memcmp(key, name.data, size) == 0;
        if (is_same) {
            return static_cast<int32_t>(i);
        }
    }
    return unwanted;
}

/* For a key that does not stand where it stood in the records before. */
__attribute__((noinline)) static int32_t find_field(struct json_walk *w, const char *key,
                                                    uint32_t at)
{
    const char *end = key;
    while (*end != '"') {
        end += *end == '\\' ? 2 : 1;
    }
    size_t size = static_cast<size_t>(end - key);
    int32_t field = find_name(w, key, size);
    if (at < places_max && at <= w->place_count && size < JSON_PLACE_BYTES &&
        memchr(key, '\\', size) == nullptr) {
        json_place_set(&w->places[at], key, static_cast<uint32_t>(size + 1), field);
        w->place_count += at == w->place_count;
    }
    return field;
}

/* Which field stands behind a key. @param key  behind its opening quote */
static inline int32_t field_of(struct json_walk *w, const char *key, uint32_t at)
{
    if (__builtin_expect(at < w->place_count && json_place_has(&w->places[at], key), 1)) {
        return w->places[at].field;
    }
    return find_field(w, key, at);
}

/* --- structure --- */

static inline bool begins_scalar(char c)
{
    return c == '"' || (c >= '0' && c <= '9') || c == '-' ||
           ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

static inline bool begins_container(char c)
{
    return c == '{' || c == '[';
}

/* What goes on behind a value: another one, or the end of what it is in. */
static inline bool is_end_of_value(char c)
{
    return c == ',' || c == '}' || c == ']';
}

static struct slice trimmed(const char *text, size_t size)
{
    while (size > 0 && (text[size - 1] == ' ' || text[size - 1] == '\t' || text[size - 1] == '\r' ||
                        text[size - 1] == '\n')) {
        size--;
    }
    return {text, size};
}

/* The token reaches to the next one: there the value has ended. */
static inline error_code check_scalar(std::string_view token)
{
    bool is_good =
        !token.empty() && begins_scalar(token[0]) && is_end_of_value(token.data()[token.size()]);
    return is_good ? simdjson::SUCCESS : simdjson::TAPE_ERROR;
}

static error_code walk_container(ondemand::value &value, char first, uint32_t depth);

static error_code walk_value(ondemand::value &value, uint32_t depth)
{
    std::string_view token = value.raw_json_token();
    char first = token.empty() ? '\0' : token[0];
    return begins_container(first) ? walk_container(value, first, depth) : check_scalar(token);
}

static error_code walk_array(ondemand::array array, uint32_t depth)
{
    for (auto element : array) {
        error_code error = element.error();
        error = error ? error : walk_value(element.value_unsafe(), depth);
        if (error) {
            return error;
        }
    }
    return simdjson::SUCCESS;
}

static error_code walk_object(ondemand::object object, uint32_t depth)
{
    for (auto member : object) {
        error_code error = member.error();
        error = error ? error : walk_value(member.value_unsafe().value(), depth);
        if (error) {
            return error;
        }
    }
    return simdjson::SUCCESS;
}

/* @param depth  of what the container is in */
static error_code walk_container(ondemand::value &value, char first, uint32_t depth)
{
    if (depth == LIMIT_JSON_DEPTH_MAX) {
        return simdjson::DEPTH_ERROR;
    }
    if (first == '[') {
        ondemand::array array;
        error_code error = value.get_array().get(array);
        return error ? error : walk_array(array, depth + 1);
    }
    ondemand::object object;
    error_code error = value.get_object().get(object);
    return error ? error : walk_object(object, depth + 1);
}

/* --- lines --- */

/* A member of the record that is an object or an array.
 * @param end  of the line @param token  out: all of it; NULL: it is not wanted */
__attribute__((noinline)) static error_code take_container(ondemand::document &document,
                                                           ondemand::value &value, const char *end,
                                                           struct slice *token)
{
    const char *start = value.raw_json_token().data();
    error_code error = walk_container(value, *start, 1);
    if (error || token == nullptr) {
        return error;
    }
    const char *behind = nullptr;
    error = document.current_location().get(behind);
    if (error) {
        return error;
    }
    /* A bracket that stands behind the line may have closed what the line left open: there simdjson
     * goes on at the line's end, and then at its beginning. */
    if (behind <= start || behind >= end) {
        return simdjson::INCOMPLETE_ARRAY_OR_OBJECT;
    }
    *token = trimmed(start, static_cast<size_t>(behind - start));
    return simdjson::SUCCESS;
}

static error_code walk_record(struct json_walk *w, ondemand::document &document, const char *end,
                              struct slice *tokens)
{
    for (uint32_t i = 0; i < w->name_count; i++) {
        tokens[i].data = nullptr;
    }
    ondemand::object record;
    error_code error = document.get_object().get(record);
    if (error) {
        return error;
    }
    uint32_t at = 0;
    for (auto member : record) {
        error = member.error();
        if (error) {
            return error;
        }
        ondemand::field &field = member.value_unsafe(); /* not a copy: those stall */
        int32_t wanted = field_of(w, field.key().raw(), at++);
        bool is_first = wanted != unwanted && tokens[wanted].data == nullptr;
        std::string_view start = field.value().raw_json_token();
        if (__builtin_expect(!start.empty() && begins_container(start[0]), 0)) {
            ondemand::value container = field.value(); /* the member stays in registers */
            error = take_container(document, container, end, is_first ? &tokens[wanted] : nullptr);
        } else {
            if (is_first) {
                tokens[wanted] = trimmed(start.data(), start.size());
            }
            error = check_scalar(start);
        }
        if (error) {
            return error;
        }
    }
    return simdjson::SUCCESS;
}

static error_code walk_only_record(struct json_walk *w, ondemand::document &document,
                                   const char *end, struct slice *tokens)
{
    error_code error = walk_record(w, document, end, tokens);
    if (error) {
        return error;
    }
    bool is_through = document.current_location().error() == simdjson::OUT_OF_BOUNDS;
    return is_through ? simdjson::SUCCESS : simdjson::TRAILING_CONTENT;
}

static const char *reason_of(error_code error)
{
    switch (static_cast<int>(error)) {
    case simdjson::UTF8_ERROR:
        return "invalid UTF-8";
    case simdjson::UNCLOSED_STRING:
        return "a string that does not end";
    case simdjson::UNESCAPED_CHARS:
        return "a control character in a string";
    case simdjson::DEPTH_ERROR:
        return "nested deeper than 64";
    case simdjson::TRAILING_CONTENT:
        return "something behind the record";
    case simdjson::INCOMPLETE_ARRAY_OR_OBJECT:
        return "it does not end with }";
    case simdjson::MEMALLOC:
    case simdjson::CAPACITY:
        return "no memory to read it";
    default:
        return "no JSON";
    }
}

static const char *kind_of(char first)
{
    return first == '['                                     ? "an array"
           : first == '"'                                   ? "a string"
           : first == '-' || (first >= '0' && first <= '9') ? "a number"
           : first == 't' || first == 'f'                   ? "a boolean"
           : first == 'n'                                   ? "null"
                                                            : nullptr;
}

static const char *explain(struct json_walk *w, ondemand::document &document, struct slice line,
                           error_code error)
{
    const char *reason = reason_of(error);
    size_t blanks = 0;
    while (blanks < line.size && (line.data[blanks] == ' ' || line.data[blanks] == '\t')) {
        blanks++;
    }
    char first = blanks < line.size ? line.data[blanks] : '\0';
    const char *where = nullptr;
    if (error == simdjson::INCORRECT_TYPE && kind_of(first) != nullptr) {
        snprintf(w->reason, sizeof w->reason, "a record is a JSON object, not %s", kind_of(first));
    } else if (error != simdjson::INCOMPLETE_ARRAY_OR_OBJECT &&
               !document.current_location().get(where) && where >= line.data &&
               where < line.data + line.size) {
        snprintf(w->reason, sizeof w->reason, "%s, near byte %zu", reason,
                 static_cast<size_t>(where - line.data));
    } else {
        snprintf(w->reason, sizeof w->reason, "%s", reason);
    }
    return w->reason;
}

struct json_walk *json_walk_create(void)
{
    struct json_walk *w = new (std::nothrow) json_walk;
    check(w != nullptr);
    return w;
}

void json_walk_destroy(struct json_walk *w)
{
    delete w;
}

/* --- batches of lines ---
 *
 * To start simdjson for each line costs a quarter of the walk, so lines go through it together, as
 * a stream of documents. A stream does not care about lines, and ends at the first fault. What it
 * gives counts only where the line alone would give the same:
 *
 *   - the stream got here through good lines alone, so that nothing is open where this one begins,
 *   - its record begins in this line,
 *   - another record follows, and nothing but blanks stands between the line's end and that one.
 *
 * simdjson leaves off without a word what is unfinished at a stream's end. A record in front of
 * that is then walked into the byte behind the text, and on into tokens that were left off: so a
 * batch with such an end is none. Of any other, a walk gets to the last token only by finishing
 * there.
 *
 * Any other line is walked alone, which decides what it is, and so are those behind it in the
 * batch: nothing goes through the first stage more than twice. */

static bool is_blank(const char *from, const char *to)
{
    while (from < to && (*from == ' ' || *from == '\t' || *from == '\r' || *from == '\n')) {
        from++;
    }
    return from == to;
}

/* The end of a line, with \r or without. */
static bool is_line_end(const char *from, const char *to)
{
    return to - from <= 2;
}

static void find_next(struct batch *b)
{
    ondemand::document_reference record;
    error_code error = (*b->record).get(record);
    if (!error) {
        ondemand::document &document = record;
        error = document.current_location().get(b->next);
    }
    if (error) {
        b->next = nullptr;
    }
}

/* @param line  its first one */
static void start_batch(struct batch *b, struct slice line)
{
    size_t left = static_cast<size_t>(b->text.data + b->text.size - line.data);
    size_t size = left < batch_bytes ? left : batch_bytes;
    auto last = static_cast<const char *>(memrchr(line.data, '\n', size));
    b->next = nullptr;
    if (last == nullptr || is_line_end(line.data + line.size, last + 1)) {
        return; /* a batch of one */
    }
    b->end = last + 1;
    size = static_cast<size_t>(b->end - line.data);
    if (!b->parser.iterate_many(line.data, size, batch_bytes).get(b->records)) {
        b->record = b->records.begin();
        find_next(b);
    }
    /* It is known from the start, since all of the batch is through the first stage. */
    if (b->next != nullptr && b->records.truncated_bytes() != 0) {
        b->next = nullptr;
    }
}

static bool is_due(const struct batch *b, struct slice line)
{
    const char *text_end = b->text.data + b->text.size;
    return line.data >= b->end && line.data >= b->text.data && line.data + line.size < text_end;
}

static bool is_in_batch(const struct batch *b, struct slice line)
{
    const char *end = line.data + line.size;
    bool is_here = b->next != nullptr && b->next >= line.data && b->next < end;
    return is_here && !is_line_end(end, b->end); /* the last would be walked for nothing */
}

/* @return false: the line is to be walked alone */
static bool walk_in_batch(struct json_walk *w, struct slice line, struct slice *tokens)
{
    struct batch *b = &w->batch;
    const char *end = line.data + line.size;
    ondemand::document_reference record;
    error_code error = (*b->record).get(record);
    error = error ? error : walk_record(w, record, end, tokens);
    if (!error) {
        ++b->record;
        find_next(b);
    }
    bool is_good = !error && b->next != nullptr && is_blank(end, b->next);
    if (!is_good) {
        b->next = nullptr;
    }
    return is_good;
}

static const char *walk_alone(struct json_walk *w, struct slice line, struct slice *tokens)
{
    if (w->parser.capacity() > parser_kept && line.size <= parser_kept) {
        w->parser = ondemand::parser();
    }
    ondemand::document document;
    error_code error =
        w->parser.iterate(line.data, line.size, line.size + LIMIT_TEXT_PADDING).get(document);
    if (error) {
        snprintf(w->reason, sizeof w->reason, "%s", reason_of(error));
        return w->reason;
    }
    error = walk_only_record(w, document, line.data + line.size, tokens);
    return error ? explain(w, document, line, error) : nullptr;
}

void json_walk_want(struct json_walk *w, const struct slice *names, uint32_t count)
{
    check(count <= LIMIT_FIELDS_MAX);
    w->names = names;
    w->name_count = count;
    w->place_count = 0;
}

void json_walk_begin(struct json_walk *w, struct slice text)
{
    w->batch.text = text;
    w->batch.end = text.data;
    w->batch.next = nullptr;
}

const char *json_walk_line(struct json_walk *w, struct slice line, struct slice *tokens)
{
    if (is_due(&w->batch, line)) {
        start_batch(&w->batch, line);
    }
    bool is_done = is_in_batch(&w->batch, line) && walk_in_batch(w, line, tokens);
    return is_done ? nullptr : walk_alone(w, line, tokens);
}
