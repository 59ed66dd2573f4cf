"""The Yahoo streaming benchmark's job (scripts/ads.lua): killed again and again, with late events,
with its input in two halves, without the compiler."""
import collections
import json
import os
import random
import time

import jobs
import oracle
from harness import REPOSITORY, check, check_equal, test

ADS = REPOSITORY / "scripts" / "ads.lua"
WINDOW_MS, FIRST_MS = 10_000, 1_700_000_000_000
KINDS = ("view", "click", "purchase")
CAMPAIGNS = 100


def make_ads(place):
    """Ten ads of each campaign; @return {ad: campaign}"""
    ads = {f"ad-{n:04}": f"campaign-{n // 10:03}" for n in range(10 * CAMPAIGNS)}
    place.write("ads.csv", "ad_id,campaign_id\n" + "".join(f"{a},{c}\n" for a, c in ads.items()))
    return ads


def make_events(place, count, files, late_each=None, seed=1, first=0):
    """Ten milliseconds from one to the next, give or take 50; each so many one is late by up to a
    minute. @return [(ad, kind, time, is late, line)]"""
    chance, events = random.Random(seed), []
    for n in range(first, first + count):
        at = FIRST_MS + n * 10 + chance.randint(-50, 50)
        is_late = late_each is not None and n > 6000 and n % late_each == 0
        if is_late:
            at -= chance.randint(1000, 60_000)
        ad, kind = f"ad-{chance.randrange(1010):04}", chance.choice(KINDS)  # ten are nobody's
        line = (f'{{"user_id": "u{n}", "page_id": "p{chance.randrange(100)}", "ad_id": "{ad}", '
                f'"ad_type": "banner", "event_type": "{kind}", "event_time": "{at}", '
                '"ip_address": "1.2.3.4"}')
        events.append((ad, kind, at, is_late, line))
    share = -(-count // files)
    for n in range(files):
        text = "".join(event[4] + "\n" for event in events[n * share:(n + 1) * share])
        path = place.write(f"in/{first:09}-{n:03}.json", text)
        os.utime(path, (FIRST_MS // 1000 + first + n,) * 2)
    return events


def count_views(ads, events):
    """@return {(campaign, start of the window): views}"""
    views = collections.Counter()
    for ad, kind, at, _, _ in events:
        if kind == "view" and ad in ads:
            views[ads[ad], at - at % WINDOW_MS] += 1
    return views


def rows_of(place):
    """The rows as {(campaign, start): views}; each window once."""
    rows = {}
    for line in oracle.part_bytes(place / "out").splitlines():
        campaign, views, window = json.loads(line)
        key = (campaign, window["start_ms"])
        check(key not in rows, "twice: {}", key)
        check_equal(window["end_ms"] - window["start_ms"], WINDOW_MS, "length of a window")
        rows[key] = views
    return rows


def check_views(place, wanted):
    came = rows_of(place)
    wrong = {key: (came.get(key), wanted.get(key)) for key in came.keys() | wanted.keys()
             if came.get(key) != wanted.get(key)}
    check_equal(dict(sorted(wrong.items())[:5]), {}, "windows that are wrong (came, wanted)")


def command(*options, script=ADS):
    return ("run", "--set", "input=in", "--set", "ads=ads.csv", "--set", "output=out", *options,
            script)


@test(each=(1, 2))
def views_are_right_after_ten_kills(place, workers):
    ads = make_ads(place)
    events = make_events(place, 150_000, files=8)
    chance, kills = random.Random(workers), 0
    options = ("--once", "--option", f"workers={workers}", "--option", "batch_bytes=32KiB")
    while kills < 10:
        running = place.start(*command(*options))
        time.sleep(chance.uniform(0.02, 0.1))
        if not running.kill():
            break  # it was done before that
        kills += 1
    place.run(*command(*options)).exits(0)
    check(kills >= 5, "it was killed {} times only", kills)
    check_views(place, count_views(ads, events))
    oracle.check_nothing_temporary(place / ".tidemill/ads", place / "out")


@test(each=("dead_letter", "drop"))
def rare_late_views_end_where_late_says(place, late):
    """1 in 1,000, late by up to a minute where a second is allowed. What is late depends on where
    epochs end; but what is not counted is kept, and only what was late."""
    ads = make_ads(place)
    events = make_events(place, 100_000, files=4, late_each=1000)
    place.write("ads.lua", ADS.read_text().replace('max_delay = "60s"', 'max_delay = "1s"')
                .replace('batch = "1s"', f'batch = "1s", late = "{late}"'))
    end = place.run(*command("--once", "--option", "batch_bytes=100KiB", script="ads.lua")).exits(0)
    wanted = count_views(ads, events)
    kept = place / ".tidemill/ads/late"
    if late == "drop":
        check(not kept.exists(), "there is a folder late/")
        missing = sum(wanted.values()) - sum(rows_of(place).values())
        check(0 < missing <= 100, "{} views were dropped", missing)
        end.says(f"{missing} records were late, and dropped")
        return
    planted = {event[4].encode(): event for event in events if event[3]}
    letters = [row[b"record"] for row in oracle.part_rows(kept)]
    check(5 < len(letters) <= 100, "{} records are late", len(letters))
    end.says(f"{len(letters)} records were late, and kept in .*late")
    for record in letters:
        check(record in planted, "{} was not late", record)
        ad, _, at, _, _ = planted.pop(record)  # each once
        wanted[ads[ad], at - at % WINDOW_MS] -= 1
    check_views(place, +wanted)


@test
def an_input_in_two_halves_is_as_one(place):
    ads = make_ads(place)
    events = make_events(place, 30_000, files=3)
    place.run(*command("--once", "--keep-open")).exits(0)
    first = sum(rows_of(place).values())
    events += make_events(place, 30_000, files=3, seed=2, first=30_000)
    place.run(*command("--once")).exits(0)
    check(0 < first < sum(rows_of(place).values()), "{} views came with the first half", first)
    check_views(place, count_views(ads, events))


@test
def the_interpreter_gives_the_same_bytes(place):
    make_ads(place)
    make_events(place, 50_000, files=2)
    came = []
    for jit in ("on", "off"):
        place.run(*command("--once", "--jit", jit)).exits(0)
        came.append(oracle.part_bytes(place / "out"))
        (place / "out").rename(place / f"out-{jit}")
        (place / ".tidemill").rename(place / f"data-{jit}")
    check(len(came[0]) > 10_000, "hardly anything came")
    check(came[0] == came[1], "the outputs differ")
