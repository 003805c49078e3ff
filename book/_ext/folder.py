"""The whole site in one file, `site.zip`, to be unpacked and read from a folder without a network.

Written last, by a handler that runs after those of the other extensions. Dates are fixed: the same site gives the
same file.
"""

import zipfile
from pathlib import Path

NAME = "site.zip"
FOLDER = "scaling-laws-book"


def write_zip(app, exception):
    if exception or app.builder.name != "html":
        return
    site = Path(app.outdir)
    files = sorted(path for path in site.rglob("*") if path.is_file() and path.name not in (NAME, ".buildinfo"))
    with zipfile.ZipFile(site / NAME, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in files:
            entry = zipfile.ZipInfo(f"{FOLDER}/{path.relative_to(site).as_posix()}")  # of 1 January 1980
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, path.read_bytes())


def setup(app):
    app.connect("build-finished", write_zip, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
