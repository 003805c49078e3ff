"""Publishing: what must be put in before, and what then stands on the branch."""

import json
import shutil
import subprocess

import pytest
import yaml
from conftest import ROOT

from tools import publish

FILES = ("_config.yml", "pyproject.toml", "CITATION.cff", ".zenodo.json", "CHANGELOG.md")


def git(folder, *words):
    return subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A repository with the files that publishing reads, as they are, but for one change that is in no release."""
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "A tester")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "tester@example.org")
    folder = tmp_path / "checkout"
    folder.mkdir()
    for name in FILES:
        shutil.copy(ROOT / name, folder)
    changes = (folder / "CHANGELOG.md").read_text()
    if "## Unreleased" not in changes:
        (folder / "CHANGELOG.md").write_text(changes.replace("\n## ", "\n## Unreleased\n\nA change.\n\n## ", 1))
    git(folder, "init", "--quiet")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "-m", "All")
    return folder


def put_in_an_address(folder):
    path = folder / "_config.yml"
    path.write_text(path.read_text().replace(publish.PLACEHOLDER, "somebody"))


def test_nothing_is_published_with_a_placeholder_or_without_a_release(checkout):
    put_in_an_address(checkout)
    said = "\n".join(publish.problems(checkout))
    assert "in no release" in said and "changed files are not committed" in said and "repository.url" not in said
    publish.release("12.3.4", checkout, "2031-05-06")
    citation = yaml.safe_load((checkout / "CITATION.cff").read_text())
    assert (citation["version"], str(citation["date-released"])) == ("12.3.4", "2031-05-06")
    zenodo = json.loads((checkout / ".zenodo.json").read_text())
    assert (zenodo["version"], zenodo["publication_date"]) == ("12.3.4", "2031-05-06")
    assert 'version = "12.3.4"' in (checkout / "pyproject.toml").read_text()
    assert "## 12.3.4 (2031-05-06)\n" in (checkout / "CHANGELOG.md").read_text()
    git(checkout, "commit", "--quiet", "--all", "-m", "Release")
    assert publish.problems(checkout) == []
    (checkout / "CITATION.cff").write_text((checkout / "CITATION.cff").read_text().replace("12.3.4", "12.3.5"))
    git(checkout, "commit", "--quiet", "--all", "-m", "A slip")
    (said,) = publish.problems(checkout)
    assert "CITATION.cff: 12.3.5" in said
    with pytest.raises(ValueError, match="Unreleased"):
        publish.release("12.3.6", checkout)
    with pytest.raises(ValueError, match="v1"):
        publish.release("v1", checkout)


def test_the_placeholder_stands_in_one_place_alone():
    found = git(ROOT, "grep", "-l", publish.PLACEHOLDER, "--", ".", ":!tests", ":!tools/publish.py", ":!*.ipynb")
    assert set(found.split()) <= {"_config.yml", "CONTRIBUTING.md"}


def test_the_site_is_put_on_its_branch_and_nothing_else_changes(checkout, tmp_path):
    site, remote = tmp_path / "html", tmp_path / "remote.git"
    (site / "_static").mkdir(parents=True)
    (site / "_static" / "a.js").write_text("1")
    (site / ".nojekyll").write_text("")
    git(tmp_path, "init", "--quiet", "--bare", str(remote))
    before = git(checkout, "status", "--porcelain"), git(checkout, "rev-parse", "HEAD")
    for text in ("first", "second"):
        (site / "index.html").write_text(text)
        publish.publish(site, str(remote), checkout)
        assert git(remote, "show", f"{publish.BRANCH}:index.html") == text
    assert git(remote, "ls-tree", "-r", "--name-only", publish.BRANCH).split() == [
        ".nojekyll",
        "_static/a.js",
        "index.html",
    ]
    assert git(remote, "rev-list", "--count", publish.BRANCH) == "1"
    assert (git(checkout, "status", "--porcelain"), git(checkout, "rev-parse", "HEAD")) == before
    with pytest.raises(RuntimeError, match="push"):
        publish.publish(site, str(tmp_path / "nowhere.git"), checkout)


def test_what_a_site_lacks_is_named(tmp_path):
    for name in publish.FILES[:-1]:
        (tmp_path / name).write_text("")
    (tmp_path / "index.html").write_text(f"https://github.com/{publish.PLACEHOLDER}/book")
    missing, holder = publish.site_problems(tmp_path)
    assert "scaling-laws.epub is missing" in missing and "index.html" in holder
