#!/usr/bin/env python3
"""Writes test/schedule/cronsim-table.tsv: when cron expressions occur, by cronsim, which Healthchecks uses.

    pip install cronsim==2.8 tzdata==2026.6
    PYTHONTZPATH= python3 scripts/cron-table.py > test/schedule/cronsim-table.tsv

Needed again when ICU's rules of a zone in the table change (test/schedule/cronsim-table.test.ts fails and says where).
An empty PYTHONTZPATH makes Python take the zones of tzdata instead of the machine's.

A line has a zone, an expression, for each year (in UTC) the count of occurrences and a hash of all of them, and for
each change of the zone's offset the occurrences from two hours before it to three hours after it, in minutes from it.
"""

import hashlib
from datetime import datetime, timedelta, timezone
from importlib.metadata import version
from zoneinfo import ZoneInfo

from cronsim import CronSim

YEARS = range(2023, 2031)

ZONES = {
    "UTC": YEARS,
    "Europe/Berlin": YEARS,
    "America/New_York": YEARS,
    # Half an hour.
    "Australia/Lord_Howe": YEARS,
    # Back during Ramadan, so four changes in some years.
    "Africa/Casablanca": YEARS,
    # From 00:00 to 01:00 and from 24:00 to 23:00.
    "Africa/Cairo": YEARS,
    # From 23:00 to 00:00, a new day.
    "America/Nuuk": YEARS,
    "Asia/Kathmandu": [1986, *YEARS],
    "America/Sao_Paulo": [2018, *YEARS],
    # Left out 2011-12-30.
    "Pacific/Apia": [2011, *YEARS],
}

FIXED_TIMES = [
    *("0 0 * * *", "15 0 * * *", "30 0 * * *", "59 0 * * *", "0 1 * * *", "30 1 * * *", "45 1 * * *", "59 1 * * *"),
    *("0 2 * * *", "15 2 * * *", "30 2 * * *", "59 2 * * *", "0 3 * * *", "0 12 * * *", "30 23 * * *", "59 23 * * *"),
    *("0,30 2 * * *", "30 2,3 * * *", "0,15,30,45 1,2,3 * * *", "5-55/10 2 * * *", "0-59/20 1-3 * * *", "10/20 2 * * *"),
    *("0 6,18 * * *", "0 0-23/3 * * *", "23 0-20/2 * * *", "0 8-18/2 * * MON-FRI", "0 22 * * 1-5", "5 4 * * sun"),
    *("30 2 * * SUN", "30 2 31 3 *", "30 2 * 3,10 *", "30 1 * 10,11 SUN", "30 0 * APR,OCT FRI", "0 0,12 1 */2 *"),
]
WILD_TIMES = [
    *("30 * * * *", "0 */2 * * *", "0 */3 * * *", "15 */4 * * *", "30 */6 * * *", "0 */5 * * *"),
    *("*/30 0 * * *", "*/30 1 * * *", "*/20 2 * * *", "*/15 3 * * *", "*/30 23 * * *", "*/30 1-3 * * *", "* 2 * * 0"),
    *("*/30 * 30 12 *", "0 */6 30,31 12 *", "0 */24 * * *", "*/10 0 L * *", "*/15 2 * 3 0L"),
]
DAYS = [
    *("0 0 1 * *", "0 0 31 * *", "0 0 28-31 * *", "0 0 1,15 * *", "15 14 1 * *", "0 4 8-14 * *", "0 0 */7 * *"),
    *("0 0 L * *", "30 2 L * *", "0 0 15,L * *", "0 0 LW * *", "0 0 29 2 *", "30 12 29 2 *", "0 0 30 12 *", "0 12 30 12 *"),
    *("0 0 1-7 * MON", "0 0 13 * FRI", "0 0 */10 * MON", "0 0 13 * */5", "0 0 L * 5", "0 0 L * *,5"),
    *("0 0 * * MON-FRI", "0 0 * * SAT,SUN", "0 0 * * 7", "0 0 * * 5-7", "0 0 * * */2", "0 0 * * 1/2", "0 0 * * */7"),
    *("0 0 * * 1#1", "0 0 * * FRI#2", "0 0 * * 0#5", "0 0 * * 5L", "0 0 * * 7L", "0 0 * * 1#1,3#3", "0 0 * 2 MON#5"),
    *("0 0 1 1 *", "59 23 31 12 *", "0 0 1 */3 *", "0 0 1 1-12/4 *", "0 0 1 jan,JUL *", "0 9 * JUN-AUG MON", "0 0 1 5/3 *"),
]
# In some zones and one year, for there are many of them.
DENSE = ["0 * * * *", "*/60 * * * *", "*/45 * * * *", "*/15 * * * *", "*/5 * * * *", "*/7 9-17 * * 1-5", "* 1-3 * * *"]
DENSE_ZONES = ["Europe/Berlin", "Australia/Lord_Howe", "Africa/Cairo"]
DENSE_YEAR = 2024

MINUTE = 60


def year_start(year):
    return int(datetime(year, 1, 1, tzinfo=timezone.utc).timestamp())


def occurrences(zone, expression, years):
    """Unix seconds within the years, ascending; years must follow each other."""
    start = datetime.fromtimestamp(year_start(years[0]), timezone.utc) - timedelta(days=2)
    end = year_start(years[-1] + 1)
    found = []
    for at in CronSim(expression, start.astimezone(ZoneInfo(zone))):
        second = int(at.astimezone(timezone.utc).timestamp())
        if second >= end:
            return found
        if second >= year_start(years[0]):
            found.append(second)
    return found


def changes(zone, years):
    """The moments at which the offset changes, Unix seconds."""
    zone_info = ZoneInfo(zone)

    def offset(second):
        return datetime.fromtimestamp(second, zone_info).utcoffset()

    found = []
    for hour in range(year_start(years[0]), year_start(years[-1] + 1), 3600):
        if offset(hour) == offset(hour + 3600):
            continue
        found.append(next(s for s in range(hour, hour + 3601, MINUTE) if offset(s) != offset(hour)))
    return found


def in_runs(years):
    """[2011, 2023, 2024] as [2011], [2023, 2024]."""
    runs = []
    for year in years:
        if runs and runs[-1][-1] == year - 1:
            runs[-1].append(year)
        else:
            runs.append([year])
    return runs


def row(zone, expression, years, zone_changes):
    by_year, by_change = [], []
    for run in in_runs(years):
        found = occurrences(zone, expression, run)
        for year in run:
            start, end = year_start(year), year_start(year + 1)
            minutes = [str((at - start) // MINUTE) for at in found if start <= at < end]
            digest = hashlib.sha256(",".join(minutes).encode()).hexdigest()[:8]
            by_year.append(f"{year}:{len(minutes)}:{digest}")
        for change in zone_changes[run[0]]:
            near = [(at - change) // MINUTE for at in found if change - 7200 <= at <= change + 10800]
            if near and len(near) <= 20:
                at = datetime.fromtimestamp(change, timezone.utc).strftime("%Y-%m-%dT%H:%MZ")
                by_change.append(f"{at}={','.join(map(str, near))}")
    return "\t".join([zone, expression, " ".join(by_year), " ".join(by_change)])


def main():
    print(f"# By scripts/cron-table.py with cronsim {version('cronsim')} and tzdata {version('tzdata')}.")
    print("# zone, expression, year:count:hash, change=minutes from it")
    for zone, years in ZONES.items():
        zone_changes = {run[0]: changes(zone, run) for run in in_runs(years)}
        for expression in FIXED_TIMES + WILD_TIMES + DAYS:
            print(row(zone, expression, years, zone_changes))
        dense_changes = {DENSE_YEAR: changes(zone, [DENSE_YEAR])}
        for expression in DENSE if zone in DENSE_ZONES else []:
            print(row(zone, expression, [DENSE_YEAR], dense_changes))


main()
