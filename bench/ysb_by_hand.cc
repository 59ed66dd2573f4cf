/*
 * The Yahoo streaming benchmark by hand: what the engine's is measured against.
 *
 *     ysb_by_hand THREADS EVENTS_FOLDER ADS_CSV OUTPUT_FILE
 *
 * The same files, the same JSON walk with the same guarantees (each line once, to its closing
 * brace, every string checked; a bad line costs itself only), the same rows. Each thread takes
 * files, reads them block by block, and counts views by campaign and window of 10 s into an array
 * of its own; they are added up at the end. What it leaves out is what the engine is there for:
 * scripts, watermarks, restarts, input that goes on.
 */
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#define NDEBUG /* as the engine: without simdjson's own assertions */
#include <simdjson.h>
#include <string>
#include <string_view>
#include <thread>
#include <unistd.h>
#include <unordered_map>
#include <vector>

namespace
{

using simdjson::ondemand::document;
using simdjson::ondemand::field;
using simdjson::ondemand::object;
using simdjson::ondemand::parser;

constexpr size_t kBlockBytes = size_t{1} << 20;
constexpr uint64_t kWindowMs = 10000;
constexpr size_t kShapeFields = 32;

enum Wanted { kAd, kEvent, kTime, kWantedCount, kOther = kWantedCount };
constexpr std::string_view kNames[] = {"ad_id", "event_type", "event_time"};

[[noreturn]] void die(const char *what)
{
    perror(what);
    exit(1);
}

/* Which key stood at each place in the record before: nearly always the same. */
struct Shape {
    std::string key[kShapeFields];
    int wanted[kShapeFields];
    size_t count = 0;
};

/* Windows by campaign: a row of counters for each, as long as the times that were seen. */
struct Counts {
    uint64_t first = 0; /* number of the window at index 0 */
    std::vector<std::vector<uint64_t>> of;

    void add(size_t campaign, uint64_t window, uint64_t by)
    {
        if (of.size() <= campaign) {
            of.resize(campaign + 1);
        }
        if (first == 0) {
            first = window > 1000 ? window - 1000 : 1;
        }
        std::vector<uint64_t> &row = of[campaign];
        size_t at = window - first; /* late by more than 10,000 s: not in this benchmark */
        if (row.size() <= at) {
            row.resize(at + 1);
        }
        row[at] += by;
    }
};

struct Job {
    std::string folder;
    std::vector<std::string> files;
    std::unordered_map<std::string_view, size_t> campaign_of;
    std::vector<std::string> campaigns;
    std::string ads; /* what the views of campaign_of point into */
    std::atomic<size_t> next{0};
};

struct Worker {
    Job *job;
    parser json;
    Shape shape;
    Counts counts;
    uint64_t bad = 0;
};

int wanted_of(std::string_view key)
{
    for (int i = 0; i < kWantedCount; i++) {
        if (kNames[i] == key) {
            return i;
        }
    }
    return kOther;
}

int recognise(Shape &shape, size_t place, const char *key)
{
    if (place < shape.count) {
        const std::string &before = shape.key[place];
        if (memcmp(key, before.data(), before.size()) == 0 && key[before.size()] == '"') {
            return shape.wanted[place];
        }
    }
    const char *end = key;
    while (*end != '"') {
        end += *end == '\\' ? 2 : 1;
    }
    std::string_view name(key, static_cast<size_t>(end - key));
    int wanted = wanted_of(name);
    if (place < kShapeFields) {
        shape.key[place] = name;
        shape.wanted[place] = wanted;
        shape.count = std::max(shape.count, place + 1);
    }
    return wanted;
}

bool text_of(std::string_view token, std::string_view &text)
{
    size_t end = token.rfind('"');
    if (token.size() < 2 || token[0] != '"' || end == 0) {
        return false;
    }
    text = token.substr(1, end - 1);
    return true;
}

bool walk(Worker &w, const char *line, size_t size, std::string_view (&got)[kWantedCount])
{
    document d;
    object o;
    if (w.json.iterate(line, size, size + simdjson::SIMDJSON_PADDING).get(d) ||
        d.get_object().get(o)) {
        return false;
    }
    size_t place = 0;
    unsigned seen = 0;
    for (auto next : o) {
        field f;
        if (std::move(next).get(f)) {
            return false;
        }
        int wanted = recognise(w.shape, place++, f.key().raw());
        if (wanted != kOther && (seen >> wanted & 1) == 0) {
            seen |= 1U << wanted;
            got[wanted] = f.value().raw_json_token();
        }
    }
    const char *rest = nullptr;
    return d.current_location().get(rest) == simdjson::OUT_OF_BOUNDS;
}

void count_line(Worker &w, const char *line, size_t size)
{
    std::string_view got[kWantedCount];
    std::string_view ad;
    std::string_view event;
    std::string_view time;
    if (!walk(w, line, size, got) || !text_of(got[kEvent], event)) {
        w.bad++;
        return;
    }
    if (event != "view") {
        return;
    }
    if (!text_of(got[kAd], ad) || !text_of(got[kTime], time)) {
        w.bad++;
        return;
    }
    auto found = w.job->campaign_of.find(ad);
    if (found != w.job->campaign_of.end()) {
        uint64_t ms = strtoull(time.data(), nullptr, 10);
        w.counts.add(found->second, ms / kWindowMs, 1);
    }
}

void read_file(Worker &w, const std::string &name)
{
    int fd = open((w.job->folder + "/" + name).c_str(), O_RDONLY);
    if (fd < 0) {
        die(name.c_str());
    }
    std::vector<char> buffer(2 * kBlockBytes + simdjson::SIMDJSON_PADDING);
    size_t held = 0;
    for (;;) {
        ssize_t got = read(fd, buffer.data() + held, kBlockBytes);
        if (got < 0) {
            die(name.c_str());
        }
        if (got == 0) {
            break;
        }
        held += static_cast<size_t>(got);
        const char *at = buffer.data();
        const char *end = at + held;
        while (const char *newline =
                   static_cast<const char *>(memchr(at, '\n', static_cast<size_t>(end - at)))) {
            count_line(w, at, static_cast<size_t>(newline - at));
            at = newline + 1;
        }
        held = static_cast<size_t>(end - at);
        if (held > kBlockBytes) {
            die("a line is too long");
        }
        memmove(buffer.data(), at, held);
    }
    close(fd);
}

void work(Worker *w)
{
    for (size_t i = w->job->next++; i < w->job->files.size(); i = w->job->next++) {
        read_file(*w, w->job->files[i]);
    }
}

void read_ads(Job &job, const char *path)
{
    FILE *file = fopen(path, "r");
    if (file == nullptr) {
        die(path);
    }
    char piece[65536];
    for (size_t got = fread(piece, 1, sizeof piece, file); got > 0;
         got = fread(piece, 1, sizeof piece, file)) {
        job.ads.append(piece, got);
    }
    fclose(file);
    std::string_view left(job.ads);
    left.remove_prefix(left.find('\n') + 1); /* the header */
    while (!left.empty()) {
        std::string_view line = left.substr(0, left.find('\n'));
        left.remove_prefix(line.size() + 1);
        size_t comma = line.find(',');
        std::string campaign(line.substr(comma + 1));
        if (job.campaigns.empty() || job.campaigns.back() != campaign) {
            job.campaigns.push_back(campaign);
        }
        job.campaign_of[line.substr(0, comma)] = job.campaigns.size() - 1;
    }
}

void list_files(Job &job)
{
    DIR *folder = opendir(job.folder.c_str());
    if (folder == nullptr) {
        die(job.folder.c_str());
    }
    while (const dirent *entry = readdir(folder)) {
        if (entry->d_name[0] != '.') {
            job.files.emplace_back(entry->d_name);
        }
    }
    closedir(folder);
    std::sort(job.files.begin(), job.files.end());
}

void write_rows(const Job &job, const Counts &all, const char *path)
{
    FILE *file = fopen(path, "w");
    if (file == nullptr) {
        die(path);
    }
    for (size_t c = 0; c < all.of.size(); c++) {
        for (size_t i = 0; i < all.of[c].size(); i++) {
            uint64_t start = (all.first + i) * kWindowMs;
            if (all.of[c][i] > 0) {
                fprintf(file, "[\"%s\",%llu,{\"start_ms\":%llu,\"end_ms\":%llu}]\n",
                        job.campaigns[c].c_str(), static_cast<unsigned long long>(all.of[c][i]),
                        static_cast<unsigned long long>(start),
                        static_cast<unsigned long long>(start + kWindowMs));
            }
        }
    }
    if (fflush(file) != 0 || fsync(fileno(file)) != 0 || fclose(file) != 0) {
        die(path);
    }
}

} // namespace

int main(int argc, char **argv)
{
    if (argc != 5) {
        fprintf(stderr, "usage: ysb_by_hand THREADS EVENTS_FOLDER ADS_CSV OUTPUT_FILE\n");
        return 2;
    }
    Job job;
    job.folder = argv[2];
    read_ads(job, argv[3]);
    list_files(job);
    std::vector<Worker> workers(static_cast<size_t>(atoi(argv[1])));
    std::vector<std::thread> threads;
    for (Worker &w : workers) {
        w.job = &job;
        threads.emplace_back(work, &w);
    }
    Counts all;
    uint64_t bad = 0;
    for (size_t i = 0; i < workers.size(); i++) {
        threads[i].join();
        const Counts &counts = workers[i].counts;
        bad += workers[i].bad;
        for (size_t c = 0; c < counts.of.size(); c++) {
            for (size_t at = 0; at < counts.of[c].size(); at++) {
                if (counts.of[c][at] > 0) {
                    all.add(c, counts.first + at, counts.of[c][at]);
                }
            }
        }
    }
    write_rows(job, all, argv[4]);
    if (bad > 0) {
        fprintf(stderr, "ysb_by_hand: %llu bad lines\n", static_cast<unsigned long long>(bad));
    }
    return bad > 0;
}
