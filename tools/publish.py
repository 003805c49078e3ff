"""Publish the book: `make publish`, or by `.github/workflows/publish.yml` for every tag.

The built site goes to the branch `gh-pages` of a repository, as one commit without a history, from which GitHub serves
it and Colab opens its notebooks. ::

    python -m tools.publish --release 0.2.0   # writes version and date wherever they stand; then commit and tag
    python -m tools.publish --check           # says what keeps the book from being published, a line each
    python -m tools.publish --remote origin   # puts _build/html there
"""

import argparse
import json
import os
import re
import subprocess
import sys
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml

from tools.chapters import ROOT

BRANCH = "gh-pages"  # as in book/_ext/colab.py
FILES = ("index.html", "404.html", "sitemap.xml", "site.zip", "scaling-laws.pdf", "scaling-laws.epub")
PLACEHOLDER = "OWNER"
# Where the version stands, and the date of its release: file, and what stands before and behind.
VERSIONS = {
    "pyproject.toml": r'(?m)(^version = ")([^"]+)(")',
    "CITATION.cff": r"(?m)(^version: )(\S+)($)",
    ".zenodo.json": r'("version": ")([^"]+)(")',
    "CHANGELOG.md": r"(## (?:Unreleased \()?)(\d+\.\d+\.\d+)(\)|)",
}
DATES = {
    "CITATION.cff": r"(?m)(^date-released: )(\S+)($)",
    ".zenodo.json": r'("publication_date": ")([^"]+)(")',
    "CHANGELOG.md": r"(## \d+\.\d+\.\d+ \()([\d-]+)(\))",
}


def problems(root=ROOT):
    """What keeps the book from being published, a sentence each."""
    found = []
    address = yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8"))["repository"]["url"]
    if PLACEHOLDER in address:
        found.append(f"_config.yml: repository.url is {address}: put in the repository's own address for {PLACEHOLDER}")
    for what, places in (("version", VERSIONS), ("date", DATES)):
        told = {file: _told(root, file, pattern) for file, pattern in places.items()}
        if len(set(told.values())) > 1 or None in told.values():
            where = ", ".join(f"{file}: {value or 'none'}" for file, value in told.items())
            found.append(f"the {what} differs ({where}): run `python -m tools.publish --release VERSION`")
    if "## Unreleased" in (root / "CHANGELOG.md").read_text(encoding="utf-8"):
        found.append("CHANGELOG.md has changes that are in no release")
    if changed := _git(root, "status", "--porcelain", "--untracked-files=no"):
        found.append(f"{len(changed.splitlines())} changed files are not committed")
    return found


def site_problems(site):
    """What is missing in a built site, or left in it as a placeholder."""
    found = [f"{site / file} is missing" for file in FILES if not (site / file).is_file()]
    holders = [path for path in sorted(site.rglob("*.html")) if f"/{PLACEHOLDER}" in path.read_text(encoding="utf-8")]
    return found + [f"{path}: an address with {PLACEHOLDER}" for path in holders[:3]]


def _told(root, file, pattern):
    match = re.search(pattern, (root / file).read_text(encoding="utf-8"))
    return match[2] if match else None


def release(version, root=ROOT, day=None):
    """Write a version and its date, today's if none is given, wherever they stand."""
    if not re.fullmatch(r"\d+\.\d+\.\d+", version):
        raise ValueError(f"version = {version!r}: must be three numbers, such as 0.2.0")
    day = day or date.today().isoformat()
    changes = root / "CHANGELOG.md"
    text, count = re.subn(
        r"## Unreleased(?: \([\d.]+\))?\n", f"## {version} ({day})\n", changes.read_text(encoding="utf-8"), count=1
    )
    if not count:
        raise ValueError("CHANGELOG.md has no heading 'Unreleased': nothing has changed since the last release")
    changes.write_text(text, encoding="utf-8")
    for places, value in ((VERSIONS, version), (DATES, day)):
        for file, pattern in places.items():
            if file != changes.name:
                path = root / file
                text, count = re.subn(pattern, rf"\g<1>{value}\g<3>", path.read_text(encoding="utf-8"), count=1)
                if not count:
                    raise ValueError(f"{file}: nothing in it is like {pattern}")
                path.write_text(text, encoding="utf-8")


def publish(site, remote, root=ROOT, branch=BRANCH):
    """Put a site on the branch of a repository; gives the commit."""
    version = json.loads((root / ".zenodo.json").read_text(encoding="utf-8"))["version"]
    here = _git(root, "rev-parse", "--short", "HEAD")
    with TemporaryDirectory() as folder:  # an index of its own: the checkout's stays as it is
        index = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
        _git(root, f"--work-tree={site}", "add", "--all", "--force", ".", cwd=site, **index)
        tree = _git(root, "write-tree", **index)
    commit = _git(root, "commit-tree", tree, "-m", f"The site of version {version}, from {here}")
    _git(root, "push", "--force", "--quiet", remote, f"{commit}:refs/heads/{branch}")
    return commit


def _git(root, *words, cwd=None, **environment):
    command = ["git", f"--git-dir={_git_folder(root)}", *words]
    result = subprocess.run(
        command, cwd=cwd or root, env=os.environ | environment, capture_output=True, text=True, check=False
    )
    if result.returncode:
        raise RuntimeError(f"git {words[0]}: {result.stderr.strip()}")
    return result.stdout.strip()


def _git_folder(root):
    found = subprocess.run(
        ["git", "rev-parse", "--absolute-git-dir"], cwd=root, capture_output=True, text=True, check=True
    )
    return found.stdout.strip()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--release", metavar="VERSION", help="write this version, and today's date")
    what.add_argument("--check", action="store_true", help="say what keeps the book from being published")
    what.add_argument("--remote", help="name or address of the repository that gets the site")
    given = parser.parse_args()
    site = ROOT / "_build" / "html"
    if given.release:
        try:
            release(given.release)
        except ValueError as error:
            sys.exit(str(error))
        return
    found = problems() + (site_problems(site) if given.remote else [])
    if found:
        sys.exit("\n".join(["not published:", *found]))
    if given.remote:
        print(f"{given.remote}, branch {BRANCH}: {publish(site, given.remote)}")


if __name__ == "__main__":
    main()
