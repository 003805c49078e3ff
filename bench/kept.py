"""Where a run of the benchmarks is kept."""

import datetime
import json


def keep(record, folder, now=None):
    """Write a run, a dict with its "date", into ``folder`` as a new file, and return its path.

    Named by the date, or, where there is a run of that day already, by date and time: files sort in the order of the
    runs.
    """
    now = now or datetime.datetime.now()
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(record, indent=1) + "\n"
    for name in (record["date"], f"{record['date']}T{now:%H%M%S}"):
        try:
            with open(folder / f"{name}.json", "x", encoding="utf-8") as file:
                file.write(text)
            return folder / f"{name}.json"
        except FileExistsError:
            continue
    raise FileExistsError(f"{folder / name}.json: a run of this second is kept already")
