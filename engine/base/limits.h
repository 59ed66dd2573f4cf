/*
 * Every maximum of the engine, in one place. Reaching one is a counter and an error that names
 * it, never growth and never silence. Sizes are bytes unless the name says otherwise.
 */
#ifndef BASE_LIMITS_H
#define BASE_LIMITS_H

#define KIB (1024ull)
#define MIB (1024ull * 1024ull)
#define GIB (1024ull * 1024ull * 1024ull)

/* Records and chunks */
#define LIMIT_RECORD_BYTES_MAX      (16 * MIB)  /* larger: dead letter */
#define LIMIT_KEY_BYTES_MAX         (64 * KIB)  /* larger: dead letter */
#define LIMIT_STATE_VALUE_BYTES_MAX (16 * MIB)  /* larger: dead letter, the state stays */
#define LIMIT_CHUNK_RECORDS_MAX     8192        /* records of one call into Lua */
#define LIMIT_CHUNK_BYTES           (256 * KIB) /* what a worker reads at a time; stays in L2 */
#define LIMIT_BLOCK_BYTES           (4 * MIB)   /* unit of a file handed to a worker */
#define LIMIT_VALUE_DEPTH_MAX       32          /* msgpack and Lua tables that are kept */
#define LIMIT_JSON_DEPTH_MAX        64          /* of a record; deeper: dead letter */
#define LIMIT_FIELDS_MAX            64          /* read as columns; others are read one by one */
#define LIMIT_COLUMNS_MAX           1024        /* of a CSV file */
#define LIMIT_PATTERN_FIELDS_MAX    64          /* of format = "pattern" */
#define LIMIT_HEAD_BYTES            MIB         /* of the first line of a CSV file */
#define LIMIT_TEXT_PADDING          64          /* that may be read behind a text, of any content */
#define LIMIT_FLAT_DEPTH_MAX        3           /* flat_maps nested in one segment */
#define LIMIT_SEGMENT_OPERATORS_MAX 24          /* longer chains are cut (Lua: 60 upvalues) */

/* Dictionary of words: what keeps a word's Lua string and its place in the table */
#define LIMIT_DICTIONARY_ENTRIES_MAX (256 * 1024)
#define LIMIT_DICTIONARY_BYTES_MAX   (16 * MIB)
#define LIMIT_DICTIONARY_WORD_BYTES  255

/* Per worker */
#define LIMIT_SHUFFLE_BYTES     (64 * MIB)  /* option shuffle_memory; then to disk */
#define LIMIT_ROWS_BYTES        (16 * MIB)  /* rows of all outputs; then to disk */
#define LIMIT_LUA_BYTES_DEFAULT (256 * MIB) /* option memory_max */
#define LIMIT_GROUP_BYTES_MAX   (64 * MIB)  /* values of one key handed to a function */
#define LIMIT_WORKERS_MAX       256

/* The job */
#define LIMIT_BATCH_BYTES_DEFAULT (1 * GIB)   /* option batch_bytes */
#define LIMIT_DELTA_BYTES         (64 * MIB)  /* state changes of an epoch; then in parts */
#define LIMIT_INLINE_ROWS_BYTES   (64 * KIB)  /* an output's rows in the commit; else a file */
#define LIMIT_COLLECT_BYTES       (256 * MIB) /* collect(), to_table(); option rows_max */
#define LIMIT_DEAD_LETTER_BYTES   (1 * GIB)   /* then the job stops; option dead_letters_max */
#define LIMIT_LATE_BYTES          (256 * MIB) /* late records; then the oldest go */
#define LIMIT_UNPUBLISHED_EPOCHS  16          /* per output; then the sources pause */
#define LIMIT_EPOCHS_KEPT         1000        /* records of past epochs in the store */
#define LIMIT_DEADLINE_MS_DEFAULT 5000        /* per record; option deadline */
#define LIMIT_STRIKES_DEFAULT     3           /* deadlines in one epoch; then the job fails */

/* What is received: stdin, socket_text_stream, listen; each of a source */
#define LIMIT_RECEIVED_BYTES         (10 * GIB)  /* log on disk (received_max); then peers wait */
#define LIMIT_RECEIVED_SEGMENT_BYTES (64 * MIB)  /* a file of the log */
#define LIMIT_RECEIVED_UNREAD_BYTES  (256 * MIB) /* received and not handed to workers; the same */
#define LIMIT_RECEIVE_BYTES          (256 * KIB) /* read from a peer at a time */
#define LIMIT_UNFINISHED_BYTES       (64 * MIB)  /* lines of all connections that have not ended */
#define LIMIT_CLIENTS_DEFAULT        1024        /* option clients of listen; others are refused */
#define LIMIT_CLIENTS_MAX            65536

/* mill.table */
#define LIMIT_SIDE_TABLES_MAX 64          /* of a job */
#define LIMIT_SIDE_BYTES      (256 * MIB) /* a table's file, and its rows in memory */

/* Counts that are array sizes */
#define KEY_GROUP_COUNT       4096 /* fixed for ever: state lives by key group */
#define SHARD_COUNT           16   /* ranges of key groups; the partitions after a shuffle */
#define LIMIT_OPERATORS_MAX   1024
#define LIMIT_SOURCES_MAX     64
#define LIMIT_OUTPUTS_MAX     64
#define LIMIT_EVENT_TIMES_MAX 64   /* event_time() of a job */
#define LIMIT_HANDLERS_MAX    64   /* of job:on */
#define LIMIT_HANDLER_MS      1000 /* a call of one; then it is stopped, and not called again */
#define LIMIT_STAGES_MAX      128
#define LIMIT_NUMBERS_MAX     32766 /* given in a store's life; 32767 is the dead letters' */
#define LIMIT_MEMBERS_KEPT    1000  /* in a store; then outputs that are gone are forgotten */
#define LIMIT_NAME_BYTES      64    /* names of jobs, operators, sources, outputs */

/* RocksDB */
#define LIMIT_MEMTABLE_BYTES    (16 * MIB)
#define LIMIT_MEMTABLE_COUNT    3
#define LIMIT_BLOCK_CACHE_BYTES (16 * MIB) /* option state_cache */
#define LIMIT_LOG_BYTES         (64 * MIB)

#endif
