/* Goal: standard input is read to its end, or until the job stops; it waits when there is no room.
 * Method: whole runners in real directories; this program's own standard input is a pipe or a
 * file, to which a thread writes. */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "run_world.h"

static const char script[] = "job:stdin():to_files('FOLDER/out', {format = 'text'})";

struct writer {
    pthread_t thread;
    int fd;
    const char *const *texts; /* up to NULL, with a little time between them */
};

static void *write_all(void *context)
{
    struct writer *w = context;
    for (size_t i = 0; w->texts[i] != NULL; i++) {
        ssize_t n = write(w->fd, w->texts[i], strlen(w->texts[i]));
        (void)n;
        usleep(5000);
    }
    close(w->fd);
    return NULL;
}

static void begin_to_write(struct writer *w, const char *const *texts)
{
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    assert_int_equal(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
    close(ends[0]);
    *w = (struct writer){.fd = ends[1], .texts = texts};
    assert_int_equal(pthread_create(&w->thread, NULL, write_all, w), 0);
}

static void expect_run(struct run *x, const char *options, int code)
{
    run_plan(x, options, script);
    x->options.virtual_clock = false;
    int rc = run_once(x);
    if (rc != code) {
        fail_msg("%s", x->error.message);
    }
}

static void a_pipe_is_read_to_its_end(void **state)
{
    struct run *x = *state;
    static const char *const texts[] = {"one\ntw", "o\n", "three\nlast", NULL};
    struct writer w;
    begin_to_write(&w, texts);
    expect_run(x, "", 0);
    pthread_join(w.thread, NULL);
    assert_string_equal(run_parts(x, "out"), "one\ntwo\nthree\nlast\n");
}

static void a_file_is_read_and_what_comes_again_counts_again(void **state)
{
    struct run *x = *state;
    run_write(x, "given", "a\nb\n");
    for (int i = 0; i < 2; i++) {
        int fd = open(run_path(x, "given"), O_RDONLY | O_CLOEXEC);
        assert_int_equal(dup2(fd, STDIN_FILENO), STDIN_FILENO);
        close(fd);
        expect_run(x, "", 0);
    }
    assert_string_equal(run_parts(x, "out"), "a\nb\na\nb\n");
}

static void epochs_are_cut_by_size_however_the_input_comes(void **state)
{
    struct run *x = *state;
    char *text = memory_alloc(12000);
    for (size_t i = 0; i < 12000; i += 10) {
        memcpy(text + i, "123456789\n", 10);
    }
    text[11999] = '\0'; /* instead of the last line end */
    const char *const texts[] = {text, NULL};
    struct writer w;
    begin_to_write(&w, texts);
    expect_run(x, "batch_bytes = '4KiB'", 0);
    pthread_join(w.thread, NULL);
    assert_int_equal(x->epochs, 3); /* of 4100 bytes: shares end with a line */
    assert_int_equal(strlen(run_parts(x, "out")), 12000);
    memory_free(text);
}

static void nothing_is_no_epoch(void **state)
{
    struct run *x = *state;
    static const char *const texts[] = {NULL};
    struct writer w;
    begin_to_write(&w, texts);
    expect_run(x, "", 0);
    pthread_join(w.thread, NULL);
    assert_int_equal(x->epochs, 0);
}

static void what_cannot_be_read_ends_the_job(void **state)
{
    struct run *x = *state;
    int fd = open(x->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(dup2(fd, STDIN_FILENO), STDIN_FILENO);
    close(fd);
    expect_run(x, "", MILL_EIO);
    assert_non_null(strstr(x->error.message, "cannot read standard input: Is a directory"));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, run_begin_test, run_end_test)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_pipe_is_read_to_its_end),
        CASE(a_file_is_read_and_what_comes_again_counts_again),
        CASE(epochs_are_cut_by_size_however_the_input_comes),
        CASE(nothing_is_no_epoch),
        CASE(what_cannot_be_read_ends_the_job),
    };
    return cmocka_run_group_tests(tests, job_group_begin, job_group_end);
}
