"""The outputs that are stored with the chapters: made by this program, told of at the foot of every page.

A build shows them as long as they are what the code gives, and executes a chapter only where they are not: the first
page then needs a minute. The tests execute every chapter and compare. The pages' WebAssembly module is stored in the
same way, for the same reason. ::

    python book/_ext/outputs.py            # makes what is stale: outputs of chapters, the pages' module
    python book/_ext/outputs.py --all      # executes all
    python book/_ext/outputs.py linear     # executes these
"""

import argparse
import os
import platform
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor, as_completed
from datetime import datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path

import nbformat
import yaml
from execution import NUMERICAL_PACKAGES, STORED, is_current, outputs_digest, run_notebook

ROOT = Path(__file__).parents[2]
SHOWN = ("numpy", "numba")  # of the versions, at the foot of a page
WIDGET = "application/vnd.jupyter.widget-view+json"  # names a widget of a kernel that is gone


@cache
def commit(root):
    """The commit of a checkout; "" where there is none."""
    try:
        told = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=root, capture_output=True, text=True)
    except OSError:
        return ""
    return told.stdout.strip() if told.returncode == 0 else ""


def provenance(root):
    """What is stored with outputs that are made now, but for their digest."""
    versions = {"python": platform.python_version()} | {name: version(name) for name in NUMERICAL_PACKAGES}
    return {"version": version("scaling-laws-book"), "commit": commit(root), "versions": versions}


def store(path, root, files=(), timeout=600):
    """Execute a notebook and write it with its outputs; returns [(seconds, first line)] of its code cells."""
    notebook = nbformat.read(path, as_version=4)
    result = run_notebook(notebook, path, timeout, record_timing=True)
    if result.err is not None:
        raise result.err
    times = []
    for cell in notebook.cells:
        if cell.cell_type == "code":
            begin, end = (
                datetime.fromisoformat(cell.metadata.execution[f"iopub.{when}"])
                for when in ("status.busy", "status.idle")
            )
            times.append(((end - begin).total_seconds(), next(iter(cell.source.splitlines()), "")))
            del cell.metadata["execution"]
            for output in cell.outputs:
                output.get("data", {}).pop(WIDGET, None)
    notebook.metadata.pop("widgets", None)
    notebook.metadata[STORED] = provenance(root) | {"digest": outputs_digest(notebook, root, files)}
    nbformat.write(notebook, path)
    return times


def tell_outputs(app, pagename, templatename, context, doctree):
    """Say at the foot of a page of which version its outputs are."""
    told = app.env.stored_outputs.get(pagename)
    if told:
        with_ = ", ".join(f"{name} {told['versions'][name]}" for name in SHOWN)
        made = f" ({told['commit']}, with {with_})" if told["commit"] else f" (with {with_})"
        checked = f", checked against the code at {here}" if (here := commit(str(app.srcdir))) else ""
        context["body"] += f'<p class="outputs">Outputs of version {told["version"]}{made}{checked}.</p>'


def setup(app):
    app.setup_extension("execution")
    app.connect("html-page-context", tell_outputs, priority=600)  # after the page's frame
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def store_module():
    """Compile the pages' WebAssembly module and store it, if the code is no longer that of the stored one."""
    sys.path.insert(0, str(ROOT))
    from lib.compiler import wasm
    from lib.widgets.exports import TABLE

    if wasm.stored(TABLE) is None:
        print("Compiling the kernels to WebAssembly: minutes", flush=True)
        wasm.store(TABLE)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("chapters", nargs="*", help="names of notebooks, without folder and ending")
    parser.add_argument("--all", action="store_true", help="execute them even if their outputs are current")
    parser.add_argument("--processes", type=int, default=os.cpu_count(), help="chapters at once")
    given = parser.parse_args()
    read = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))["sphinx"]["config"]["chapter_files"]
    files = {path.stem: read.get(f"book/{path.stem}", []) for path in sorted((ROOT / "book").glob("*.ipynb"))}
    if unknown := set(given.chapters) - files.keys():
        parser.error(f"no chapter {', '.join(unknown)}: there are {', '.join(files)}")
    paths = {name: ROOT / "book" / f"{name}.ipynb" for name in given.chapters or files}
    if not (given.all or given.chapters):
        paths = {
            name: path
            for name, path in paths.items()
            if not is_current(nbformat.read(path, as_version=4), ROOT, files[name])
        }
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # of each kernel, since they share the cores
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    failed = False
    if not given.chapters:
        store_module()  # first: a chapter runs its explorers by it, and would else compile them natively
    with ThreadPoolExecutor(given.processes) as pool:
        runs = {pool.submit(store, path, ROOT, files[name]): name for name, path in paths.items()}
        for count, run in enumerate(as_completed(runs), 1):
            head = f"{runs[run]} ({count} of {len(runs)})"
            if error := run.exception():
                failed = True
                print(f"{head}: {error}", flush=True)
            else:
                times = run.result()
                print(f"{head}: {sum(seconds for seconds, _ in times):.1f} s", flush=True)
                for seconds, line in sorted(times, reverse=True)[:3]:
                    print(f"    {seconds:6.1f} s  {line}", flush=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
