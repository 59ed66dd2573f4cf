/*
 * Runs a program and says what it took:
 *
 *     measure OUTPUT PROGRAM [ARGUMENT...]
 *
 * The program's standard output goes into the file OUTPUT. One line of JSON: seconds from its start
 * to its end, and to its first byte on standard output (null: it wrote none); CPU seconds of it and
 * of the processes that it waited for; most resident memory; how it ended.
 *
 * Why not the driver itself: to Linux the most memory of a process includes that of the process
 * which became it, and Python is larger than some of the programs that are measured.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define COPY_BYTES 65536

static void die(const char *what)
{
    fprintf(stderr, "measure: %s: %s\n", what, strerror(errno));
    exit(125);
}

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static pid_t start(char **program, const int out[2])
{
    pid_t parent = getpid();
    pid_t child = fork();
    if (child != 0) {
        return child;
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent || dup2(out[1], STDOUT_FILENO) < 0) {
        _exit(125);
    }
    execvp(program[0], program);
    die(program[0]);
    return -1;
}

/* @return when the first byte came; 0: there was none */
static double copy(int from, int to)
{
    static char bytes[COPY_BYTES];
    double first_s = 0;
    for (;;) {
        ssize_t n = read(from, bytes, sizeof bytes);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return first_s;
        }
        if (first_s == 0) {
            first_s = now_s();
        }
        if (write(to, bytes, (size_t)n) != n) {
            die("output");
        }
    }
}

static double seconds(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec * 1e-6;
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: measure OUTPUT PROGRAM [ARGUMENT...]\n");
        return 125;
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* nothing goes on running when the driver is stopped */
    int file = open(argv[1], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    int out[2];
    if (file < 0 || pipe2(out, O_CLOEXEC) != 0) {
        die(argv[1]);
    }
    double begin_s = now_s();
    pid_t child = start(argv + 2, out);
    close(out[1]);
    double first_s = copy(out[0], file);
    int status = 0;
    struct rusage used;
    if (child < 0 || wait4(child, &status, 0, &used) != child) {
        die(argv[2]);
    }
    double end_s = now_s();
    char first[32] = "null";
    if (first_s > 0) {
        snprintf(first, sizeof first, "%.6f", first_s - begin_s);
    }
    printf("{\"wall_s\": %.6f, \"first_byte_s\": %s, \"cpu_s\": %.6f, \"rss_mib\": %.1f, "
           "\"exit\": %d}\n",
           end_s - begin_s, first, seconds(used.ru_utime) + seconds(used.ru_stime),
           (double)used.ru_maxrss / 1024,
           WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
    return 0;
}
