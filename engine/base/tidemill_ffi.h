/*
 * What C and Lua share: plain structs and exported functions, no macros, read by the C compiler
 * and by LuaJIT's ffi.cdef (lua/tidemill/abi.lua). Sizes are asserted on both sides:
 * base/ffi_layout.c and abi.lua.
 *
 * One call from C into Lua handles one chunk of records. The loop inside it reads its input from
 * struct mill_input, says where it is in struct mill_control, and writes through the functions
 * below, which never call back into Lua and never raise.
 *
 * Everything here belongs to one worker thread.
 */

/* Where the bytes of a value are. */
enum mill_kind {
    MILL_EMPTY = 0,   /* no value */
    MILL_NUMBER = 1,  /* num */
    MILL_STRING = 2,  /* ptr, len: the string's bytes */
    MILL_PACKED = 3,  /* ptr, len: one msgpack value */
    MILL_BOXED = 4,   /* in the Lua heap, in the table's `boxed` list */
    MILL_BOOLEAN = 5, /* len: 0 or 1 */
    MILL_INT64 = 6,   /* i64: beyond 2^53 */
    MILL_UINT64 = 7,  /* u64: beyond INT64_MAX */
    MILL_RECORD = 8,  /* ptr, len: a JSON object that is shown as a view */
    MILL_LIST = 9,    /* ptr, len: a JSON array */
    MILL_BAD = 10     /* ptr, len: why the field of a record cannot be read */
};

/* One value outside the Lua heap. */
struct mill_cell {
    uint16_t kind;  /* enum mill_kind */
    uint16_t known; /* of a string in a column: its number among those that come often, or 0 */
    uint32_t len;   /* bytes at ptr */
    union {
        double num;
        const char *ptr;
        int64_t i64;
        uint64_t u64;
    };
};

struct mill_slice {
    const char *ptr;
    uint32_t len;
    uint32_t reserved;
};

/* A word of the text at mill_input.base; id is its number in the dictionary, 0 when not in it. */
struct mill_word {
    uint32_t id;
    uint32_t offset;
};

/* What a view stands on lives as long as a chunk, a table or a batch of rows; then the generation
 * changes, and the view may not be read any more. */
enum mill_life {
    MILL_OF_CHUNK = 0, /* records of the chunk that runs, and what was shuffled or stored */
    MILL_OF_TABLE = 1, /* running values of keyed tables */
    MILL_OF_ROWS = 2   /* rows of for_each_batch */
};

struct mill_lives {
    uint32_t generation[3]; /* by enum mill_life */
};

/* On its way through the members of a JSON object or the elements of an array. */
struct mill_cursor {
    const char *at;
    const char *end;
    struct mill_slice key;  /* of a member */
    struct mill_cell value; /* both may lie in the scratch buffer, until the next step */
};

/* One key with its values, after a shuffle. */
struct mill_group {
    const char *key;        /* encoded, data/key.h */
    uint32_t key_len;       /* bytes */
    uint32_t first;         /* index of its first value in mill_input.cells */
    uint32_t count;         /* of its values; map_with_state: 1, or 0 when the key times out */
    uint32_t changed;       /* out: bit 0 when `after` is not `state`; in: bit 1 when the state is
                               an initial one, which the store does not have yet */
    uint32_t head;          /* map_with_state has a group for each record: the first of its key */
    uint32_t ordinal;       /* of the record among those of its key in the epoch */
    struct mill_cell state; /* in: what is stored (EMPTY: nothing) */
    struct mill_cell after; /* out: what to store */
    double start_ms;        /* of a window */
    double end_ms;
};

/* The records of one call. Which fields count depends on the segment's input kind. */
struct mill_input {
    const struct mill_slice *lines; /* "lines": text without line ends */
    const struct mill_word *words;  /* "words" */
    const char *base;               /* text that the words' offsets count from */
    struct mill_group *groups;      /* "groups": keys after a shuffle */
    const struct mill_cell *cells;  /* "cells": values; also the values of groups */
    uint32_t lines_ahead;           /* of the chunk in its block, for messages */
    uint32_t reserved;
};

/* Added to mill_control.op when no operator runs: what does not run yet, or no longer. */
enum mill_between {
    MILL_IN_LIST = 65536, /* in the list that operator op gave, at its element j */
    MILL_READING = 131072 /* nothing was done yet with the record or element */
};

/* Where the loop is. C sets i, n, op and depth before a call; the loop keeps i, j and op up to
 * date, so that after an error C knows the element and the operator, and goes on behind it. While
 * depth is not 0, the loop is still on its way to the place that C named. From the last change
 * that a record or element makes (a count, a value, a row) to the next change of i or j nothing
 * can fail; so what failed was not done, and may be done again. */
struct mill_control {
    uint32_t i;     /* index of the record that runs */
    uint32_t n;     /* records of this call */
    uint32_t op;    /* operator that runs: its number in the plan; or as enum mill_between says */
    uint32_t depth; /* in: 0 begins with record i; d goes on inside the list of depth d */
    union {
        uint32_t j[4]; /* index of the element that runs, in the list of each depth */
        struct {
            uint32_t j0, j1, j2, j3; /* for the loop: an array's element may need memory */
        };
    };
    union {
        uint32_t m[4]; /* elements of the list of each depth */
        struct {
            uint32_t m0, m1, m2, m3;
        };
    };
    uint32_t skip_op;   /* checked loops: the operator that must not be called, 0 for none */
    uint32_t skip_j[4]; /* checked loops: for which element of each list; UINT32_MAX: for all */
    uint32_t arg_len;   /* bytes at arg_ptr: what the C function unpack() reads */
    const char *arg_ptr;
    uint64_t call;      /* number of this call, for the watchdog */
    double time_ms;     /* batch time of the epoch */
    uint64_t random[2]; /* state of math.random, seeded for each chunk */
};

/* What an operator did, since the epoch began. in = out + filtered + dead + skipped. */
struct mill_counter {
    uint64_t out;      /* records that it gave on; a flat operator: records that it took */
    uint64_t elements; /* a flat operator: elements that it gave; the end of a segment: arrivals */
    uint64_t filtered;
    uint64_t dead;
    uint64_t skipped;
    uint64_t late; /* behind the watermark: part of what arrived, and not of what is counted */
};

/* One event_time(). */
struct mill_event {
    double seen_ms;  /* the largest time of the block that runs; below 0: none */
    double limit_ms; /* a time beyond it lies too far ahead of the clock */
};

/* One key's running value in a keyed table. */
struct mill_slot {
    double num;     /* kind NUMBER */
    uint32_t kind;  /* EMPTY until the key is seen in this epoch */
    uint32_t count; /* values added; avg needs it */
};

/* The first and the last time among the records of one slot. */
struct mill_span {
    double first_ms;
    double last_ms;
};

/* A worker's private table of a keyed operator: state/table.h. Slot 0 is never used. */
struct mill_table {
    struct mill_slot *slots; /* moves when the table grows: read it anew for each record */
    struct mill_span *spans; /* by slot, of sessions; moves likewise */
    double needed_ms;        /* of windows: panes (of sessions: records) before it are late */
    uint32_t full;           /* set when the table has outgrown its budget */
    uint32_t reserved;
};

/* Where a stream has several readers, a chunk's records wait here; the records themselves are in
 * two Lua lists, values (or keys) and the values of pairs. */
struct mill_tee {
    uint32_t count;
    uint32_t origin[8192]; /* record of the source's chunk that each came from */
    double time_ms[8192];  /* event time; of a stream with windows: their starts... */
    double end_ms[8192];   /* ...and their ends */
};

/* Opaque to Lua. */
struct mill_arena;
struct mill_buffer;
struct mill_records;
struct mill_rows;
struct mill_shuffle;
struct mill_side;
struct mill_splitter;
struct mill_top;

/* --- msgpack: appends one value. Reaching the buffer's maximum sets its failed flag. --- */
void mill_pack_nil(struct mill_buffer *b);
void mill_pack_boolean(struct mill_buffer *b, bool v);
void mill_pack_number(struct mill_buffer *b, double v);
void mill_pack_int64(struct mill_buffer *b, int64_t v);
void mill_pack_uint64(struct mill_buffer *b, uint64_t v);
void mill_pack_string(struct mill_buffer *b, const char *s, size_t size);
void mill_pack_array(struct mill_buffer *b, uint32_t count);
void mill_pack_map(struct mill_buffer *b, uint32_t count);
void mill_pack_record(struct mill_buffer *b, const char *json, size_t size);

/* --- JSON: appends one token; the caller writes the punctuation. --- */
void mill_json_boolean(struct mill_buffer *b, bool v);
bool mill_json_number(struct mill_buffer *b, double v); /* false: NaN or infinite */
void mill_json_int64(struct mill_buffer *b, int64_t v);
void mill_json_uint64(struct mill_buffer *b, uint64_t v);
void mill_json_string(struct mill_buffer *b, const char *s, size_t size);
void mill_json_raw(struct mill_buffer *b, const char *s, size_t size);

/* --- records as columns: data/records.h --- */
/* The cells of a field: those of the running chunk now, and of every chunk from now on. NULL when
 * there are as many columns as there may be. */
const struct mill_cell *mill_records_field(struct mill_records *r, const char *name, size_t size);
/* A record as JSON, borrowed until the next chunk. */
void mill_records_text(struct mill_records *r, uint32_t row, struct mill_slice *text);

/* --- reading JSON text: data/json_read.h. Where escapes are undone, the scratch buffer has the
 * bytes. --- */
/* Stand in front of the first member or element. @return false: neither an object nor an array */
bool mill_json_begin(struct mill_cursor *c, const char *text, size_t size);
/* The next member or element; a key that is NULL is none, or has a wrong escape.
 * @return false at the end */
bool mill_json_next(struct mill_cursor *c, struct mill_buffer *scratch);
/* The first member of that name, in c->value. @return false: there is none */
bool mill_json_find(struct mill_cursor *c, const char *text, size_t size, const char *name,
                    size_t name_size, struct mill_buffer *scratch);
/* The whole text, one value of any kind, in c->value. @return NULL, or why it is no JSON */
const char *mill_json_value(struct mill_cursor *c, const char *text, size_t size,
                            struct mill_buffer *scratch);

/* --- buffers --- */
/* @owns the caller, until mill_buffer_destroy */
struct mill_buffer *mill_buffer_create(size_t max);
void mill_buffer_destroy(struct mill_buffer *b);
const char *mill_buffer_text(const struct mill_buffer *b, size_t *size);
void mill_buffer_clear(struct mill_buffer *b);
const char *mill_buffer_data(const struct mill_buffer *b);
uint32_t mill_buffer_size(const struct mill_buffer *b);
bool mill_buffer_failed(const struct mill_buffer *b); /* its maximum was met since it was cleared */

/* --- keys: appends one encoded key, or one part of an array key --- */
void mill_key_boolean(struct mill_buffer *b, bool v);
bool mill_key_number(struct mill_buffer *b, double v); /* false: NaN */
void mill_key_int64(struct mill_buffer *b, int64_t v);
void mill_key_uint64(struct mill_buffer *b, uint64_t v);
void mill_key_string(struct mill_buffer *b, const char *s, size_t size);
void mill_key_part_string(struct mill_buffer *b, const char *s, size_t size);
void mill_key_array_begin(struct mill_buffer *b);
void mill_key_array_end(struct mill_buffer *b);

/* --- texts of scripts: data/strings.c --- */
/* A part of a text: from is the offset of its first byte, to that behind its last. */
struct mill_part {
    uint32_t from;
    uint32_t to;
};
bool mill_text_starts(const char *s, size_t size, const char *with, size_t with_size);
bool mill_text_ends(const char *s, size_t size, const char *with, size_t with_size);
bool mill_text_contains(const char *s, size_t size, const char *what, size_t what_size);
/* The first place at or behind `from` where a text stands. @return UINT32_MAX: there is none */
uint32_t mill_text_find(const char *s, size_t size, uint32_t from, const char *what,
                        size_t what_size);
/* Field i, from 1 on, of those that stand between separators; of size 0: between blanks.
 * @return false: there are fewer */
bool mill_text_field(const char *s, size_t size, uint32_t i, const char *separator,
                     size_t separator_size, struct mill_part *found);
/* The text without the blanks at both ends. */
void mill_text_trim(const char *s, size_t size, struct mill_part *found);
/* NaN when the text is no time, no number. */
double mill_text_time(const char *s, size_t size);
double mill_text_number(const char *s, size_t size);

/* Whether a text is a pattern (data/pattern.h). Else the message says why not. */
bool mill_pattern_check(const char *text, size_t size, char *message, size_t message_size);

/* --- words --- */
const char *mill_word_text(const struct mill_splitter *s, uint32_t i, uint32_t *size);
/* Split one string; the words are at mill_splitter_input(). @return how many */
uint32_t mill_split(struct mill_splitter *s, const char *text, size_t size);
const struct mill_word *mill_split_words(const struct mill_splitter *s);

/* --- keyed tables: @return the key's slot; 0 when the key is too long --- */
uint32_t mill_table_string(struct mill_table *shared, const char *s, size_t size);
uint32_t mill_table_key(struct mill_table *shared, const struct mill_buffer *key);
/* The same of a key in a pane that begins at pane_ms. */
uint32_t mill_pane_string(struct mill_table *shared, double pane_ms, const char *s, size_t size);
uint32_t mill_pane_key(struct mill_table *shared, double pane_ms, const struct mill_buffer *key);
/* The slot has its first value of the epoch. */
void mill_table_touch(struct mill_table *shared, uint32_t slot);
/* The slot of the i-th key that was touched in this epoch. */
uint32_t mill_table_touched(const struct mill_table *shared, uint32_t i);
/* Give a slot its value as the bytes in a buffer. @return 0, or a negative error code */
int mill_table_pack(struct mill_table *shared, uint32_t slot, const struct mill_buffer *value);
/* Give a slot a record as its value. The table keeps the text as long as it keeps any of the epoch.
 * @return false: it is larger than a record may be */
bool mill_table_put_record(struct mill_table *shared, uint32_t slot, const char *json, size_t size);
void mill_table_record(const struct mill_table *shared, uint32_t slot, struct mill_slice *json);

/* --- shuffled records: the record's key and value are in the two buffers --- */
int mill_shuffle_number(struct mill_shuffle *s, const struct mill_buffer *key, double value,
                        uint32_t origin);
int mill_shuffle_string(struct mill_shuffle *s, const struct mill_buffer *key, const char *text,
                        size_t size, uint32_t origin);
int mill_shuffle_record(struct mill_shuffle *s, const struct mill_buffer *key, const char *json,
                        size_t size, uint32_t origin);
int mill_shuffle_packed(struct mill_shuffle *s, const struct mill_buffer *key,
                        const struct mill_buffer *value, uint32_t origin);

/* Where record i of the running chunk stands among all records: epoch, block, place in it. */
void mill_place(const struct mill_shuffle *s, uint32_t i, double place[3]);

/* --- rows of outputs --- */
/* The buffer to which one row is written, between begin and end. */
struct mill_buffer *mill_row_begin(struct mill_rows *r);
/* Keep the row; key is what it is sorted by, empty for none.
 * @return 0, or a negative error code (the row is dropped) */
int mill_row_end(struct mill_rows *r, const struct mill_buffer *key);

/* --- the n largest: @return whether a record of this score would be among them now --- */
bool mill_top_wants(const struct mill_top *t, double score);
int mill_top_put(struct mill_top *t, double score, const struct mill_buffer *key,
                 const struct mill_buffer *value);

/* --- state: what a function made of a group's; marks it when it changed --- */
void mill_state_remove(struct mill_group *g);
void mill_state_number(struct mill_group *g, double v);
/* The value is in the buffer; copied to where it lives until the chunk is written back.
 * @return 0, or a negative error code */
int mill_state_packed(struct mill_group *g, struct mill_arena *arena,
                      const struct mill_buffer *value);

/* Group i has the key of the one before it: its state is what that one left. */
void mill_state_follow(struct mill_group *groups, uint32_t i);

/* --- side tables: data/side.h --- */
/* What mill.table gives a script: the number of a table. */
struct mill_lookup {
    const uint32_t tidemill_index_; /* from 0 */
};
/* The beginning of a struct mill_side: what tells it from one that was in its place before. */
struct mill_side_head {
    uint32_t serial;
};
/* The number of the row of a key, from 1 on. @return 0: there is none */
uint32_t mill_side_find(const struct mill_side *t, const char *key, size_t size);
uint32_t mill_side_find_number(const struct mill_side *t, double key);
/* The rows by their numbers, each the text of a JSON object. */
const struct mill_slice *mill_side_rows(const struct mill_side *t);
uint32_t mill_side_count(const struct mill_side *t);
/* The key of a row. @return false: it is a number */
bool mill_side_key(const struct mill_side *t, uint32_t number, struct mill_slice *key);

/* --- time and chance --- */
/* data/timestamp.h. @return false: it is no time */
bool mill_timestamp(const char *text, size_t size, double *ms);
double mill_random(struct mill_control *c); /* in [0, 1) */

/* --- printing --- */

/* What a script prints. @return false: the log does not take it, write it */
bool mill_print(const char *text);
