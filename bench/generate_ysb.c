/*
 * Events of the Yahoo streaming benchmark, the same bytes each time, on every machine:
 *
 *     generate_ysb FOLDER EVENTS FILES
 *
 * FOLDER/events has FILES files of JSON lines, about 250 bytes each, as the original's generator
 * writes them (blanks, order of fields, all values strings): user_id and page_id are different in
 * every event, the ad is one of 1,000, its kind one of five, the event view, click or purchase. An
 * event is 0.1 ms after the one before it, up to 50 ms earlier or later at random; one in 100,000
 * is up to 59.8 s late. FOLDER/ads.csv says which of 100 campaigns an ad belongs to.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEED             20240602u
#define CAMPAIGNS        100
#define ADS_OF_CAMPAIGN  10
#define ADS              (CAMPAIGNS * ADS_OF_CAMPAIGN)
#define FIRST_MS         1700000000000u
#define EVENTS_OF_MS     10
#define JITTER_MS        50
#define LATE_ONE_IN      100000
#define LATE_MS_MAX      59800
#define ID_BYTES         37 /* 8-4-4-4-12 hex digits and a NUL */
#define FILE_BUFFER_SIZE ((size_t)1 << 20)

static const char *const kinds[] = {"banner", "modal", "sponsored-search", "mail", "mobile"};
static const char *const events[] = {"view", "click", "purchase"};

static char ads[ADS][ID_BYTES];

static void die(const char *what)
{
    fprintf(stderr, "generate_ysb: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* splitmix64 */
static uint64_t next(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static uint64_t below(uint64_t *state, uint64_t bound)
{
    return next(state) % bound;
}

static void make_id(uint64_t *state, char *id)
{
    static const char digits[] = "0123456789abcdef";
    uint64_t bits[2] = {next(state), next(state)};
    for (int i = 0, digit = 0; i < ID_BYTES - 1; i++) {
        if (i == 8 || i == 13 || i == 18 || i == 23) {
            id[i] = '-';
            continue;
        }
        id[i] = digits[bits[digit / 16] >> (digit % 16 * 4) & 15];
        digit++;
    }
    id[ID_BYTES - 1] = '\0';
}

static FILE *create(const char *folder, const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    if (file == NULL) {
        die(path);
    }
    setvbuf(file, NULL, _IOFBF, FILE_BUFFER_SIZE);
    return file;
}

static void finish(FILE *file, const char *name)
{
    if (ferror(file) || fclose(file) != 0) {
        die(name);
    }
}

static void write_ads(const char *folder, uint64_t *state)
{
    FILE *file = create(folder, "ads.csv");
    fputs("ad_id,campaign_id\n", file);
    for (int c = 0; c < CAMPAIGNS; c++) {
        char campaign[ID_BYTES];
        make_id(state, campaign);
        for (int a = 0; a < ADS_OF_CAMPAIGN; a++) {
            char *ad = ads[c * ADS_OF_CAMPAIGN + a];
            make_id(state, ad);
            fprintf(file, "%s,%s\n", ad, campaign);
        }
    }
    finish(file, "ads.csv");
}

static uint64_t time_of(uint64_t *state, uint64_t event)
{
    uint64_t time = FIRST_MS + event / EVENTS_OF_MS + below(state, 2 * JITTER_MS + 1) - JITTER_MS;
    return below(state, LATE_ONE_IN) == 0 ? time - below(state, LATE_MS_MAX + 1) : time;
}

static void write_event(FILE *file, uint64_t *state, uint64_t event)
{
    char user[ID_BYTES];
    char page[ID_BYTES];
    make_id(state, user);
    make_id(state, page);
    fprintf(file,
            "{\"user_id\": \"%s\", \"page_id\": \"%s\", \"ad_id\": \"%s\", \"ad_type\": \"%s\", "
            "\"event_type\": \"%s\", \"event_time\": \"%" PRIu64 "\", "
            "\"ip_address\": \"1.2.3.4\"}\n",
            user, page, ads[below(state, ADS)], kinds[below(state, 5)], events[below(state, 3)],
            time_of(state, event));
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: generate_ysb FOLDER EVENTS FILES\n");
        return 2;
    }
    uint64_t count = strtoull(argv[2], NULL, 10);
    uint64_t files = strtoull(argv[3], NULL, 10);
    uint64_t state = SEED;
    write_ads(argv[1], &state);
    uint64_t event = 0;
    for (uint64_t i = 0; i < files; i++) {
        char name[64];
        snprintf(name, sizeof name, "events/part-%04" PRIu64 ".json", i);
        FILE *file = create(argv[1], name);
        for (; event < count * (i + 1) / files; event++) {
            write_event(file, &state, event);
        }
        finish(file, name);
    }
    return 0;
}
