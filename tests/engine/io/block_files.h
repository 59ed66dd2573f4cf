/*
 * A reader, a file and what is in it, for tests of blocks.
 */
#ifndef TESTS_ENGINE_IO_BLOCK_FILES_H
#define TESTS_ENGINE_IO_BLOCK_FILES_H

#include "base/limits.h"
#include "input_folder.h"
#include "io/block_reader.h"
#include "io/input_file.h"

struct fixture {
    char *folder;
    struct block_reader *reader;
    struct input_file file;
    char *bytes; /* what is in the file */
    size_t size;
};

static inline int begin(void **state)
{
    struct fixture *f = memory_zero(1, sizeof *f);
    f->folder = folder_create();
    f->reader = block_reader_create(NULL);
    f->file.fd = -1;
    *state = f;
    return 0;
}

static inline void forget_file(struct fixture *f)
{
    if (f->file.fd >= 0) {
        close(f->file.fd);
    }
    memory_free(f->bytes);
    f->bytes = NULL;
    f->file.fd = -1;
}

static inline int end(void **state)
{
    struct fixture *f = *state;
    forget_file(f);
    block_reader_destroy(f->reader);
    folder_remove(f->folder);
    memory_free(f);
    return 0;
}

static inline void open_file(struct fixture *f, const char *name, const void *bytes, size_t size)
{
    char *path = text_path(f->folder, name);
    forget_file(f);
    f->bytes = memory_copy(bytes, size);
    f->size = size;
    f->file.fd = open(path, O_RDONLY);
    struct stat s;
    assert_int_equal(fstat(f->file.fd, &s), 0);
    f->file.size = (uint64_t)s.st_size;
    f->file.is_packed = text_ends_with(name, ".gz");
    memory_free(path);
}

static inline void use_bytes(struct fixture *f, const void *bytes, size_t size)
{
    write_bytes(f->folder, "a", O_TRUNC, bytes, size);
    open_file(f, "a", bytes, size);
}

static inline void use_text(struct fixture *f, const char *text)
{
    use_bytes(f, text, strlen(text));
}

static inline struct source_block block_of(struct fixture *f, uint64_t start, uint64_t stop)
{
    return (struct source_block){
        .partition_name = "FILE",
        .file = &f->file,
        .start = start,
        .end = stop,
        .limit = f->size,
        .starts_a_record = true,
        .takes_unfinished = true,
    };
}

static inline struct source_block packed_block(struct fixture *f, uint64_t start)
{
    struct source_block block = block_of(f, start, UINT64_MAX);
    block.limit = UINT64_MAX;
    return block;
}

#endif
