"""The same kernels natively and in a browser: time per call, their ratio, and how far the numbers differ.

Run as ``python bench/wasm_speed.py``. A kernel is timed on its case of ``tests/test_wasm.py``, an
experiment as a whole run at its default controls, from ``start`` to the end of ``advance``.
Differences come from Math.exp, Math.log and Math.asin alone; the rest is the same bits.
"""

import base64
import copy
import math
import platform
import shutil
import sys
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from test_wasm import CASES  # noqa: E402

from lib.widgets import wasm  # noqa: E402
from lib.widgets.experiments import EXPERIMENTS  # noqa: E402
from lib.widgets.exports import EXPORTS  # noqa: E402

BATCH = 0.1  # seconds of one measurement, far above the resolution of a browser's clock
BATCHES = 5  # the fastest is reported: whatever disturbs only adds

IN_BROWSER = """
async ([binary, name, values, whole, batch, batches]) => {
  const bytes = Uint8Array.from(atob(binary), c => c.charCodeAt(0));
  const { exports } = (await WebAssembly.instantiate(bytes, { Math })).instance;
  let end = exports.__heap_base.value;
  const call = [], arrays = [];
  for (const value of values) {
    if (typeof value === "number") { call.push(value); continue; }
    const length = value.shape.reduce((a, b) => a * b, 1);
    call.push(end, ...value.shape);
    arrays.push([end, length, value.data]);
    end += 8 * length;
  }
  const missing = end - exports.memory.buffer.byteLength;
  if (missing > 0) exports.memory.grow(Math.ceil(missing / 65536));
  const views = arrays.map(([at, length]) => new Float64Array(exports.memory.buffer, at, length));
  views.forEach((view, i) => view.set(arrays[i][2]));
  const run = whole
    ? () => { exports[name + "_start"](...call); while (exports[name + "_advance"](...call) < 1); }
    : () => exports[name](...call);
  const result = run();
  const numbers = views.map(view => [...view.subarray(0, 5000)]);
  let best = Infinity, calls = 1, done = 0;
  while (done < batches) {
    const begin = performance.now();
    for (let i = 0; i < calls; i++) run();
    const elapsed = (performance.now() - begin) / 1000;
    if (elapsed < batch) { calls *= 2; continue; }
    best = Math.min(best, elapsed / calls);
    done++;
  }
  return [best, numbers, result ?? 0];
}
"""


def native(run):
    """Seconds of ``run()``, the fastest batch, and what the first call returned."""
    result = run()
    best, calls, done = math.inf, 1, 0
    while done < BATCHES:
        begin = time.perf_counter()
        for _ in range(calls):
            run()
        elapsed = time.perf_counter() - begin
        if elapsed < BATCH:
            calls *= 2
            continue
        best = min(best, elapsed / calls)
        done += 1
    return best


def whole_run(experiment):
    """A function that takes an experiment from start to end."""

    def run(*arguments):
        experiment.start(*arguments)
        while experiment.advance(*arguments) < 1.0:
            pass

    return run


def difference(ours, theirs):
    """Largest relative difference of two arrays."""
    same = (ours == theirs) | (np.isnan(ours) & np.isnan(theirs))
    with np.errstate(invalid="ignore"):
        relative = np.abs(ours - theirs) / np.maximum(np.abs(ours), np.abs(theirs))
    return np.where(same, 0.0, relative).max(initial=0.0)


def message(argument):
    """An argument as the browser takes it."""
    if isinstance(argument, np.ndarray):
        data = argument.ravel().tolist() if argument.any() else []
        return {"shape": argument.shape, "data": data}
    return float(argument)


def subjects():
    """(name, native function, arguments, whether it is an experiment's whole run)."""
    for name, (function, _) in EXPORTS.items():
        if not any(name.startswith(f"{experiment}_") for experiment in EXPERIMENTS):
            yield name, function, CASES[name](np.random.default_rng(0)), False
    for name, experiment in EXPERIMENTS.items():
        p = np.array([float(control.default) for control in experiment.controls])
        work = np.zeros(int(experiment.size(p, np.zeros(0))))
        yield name, whole_run(experiment), (p, np.zeros(0), work), True


def main():
    binary = base64.b64encode(wasm.build()).decode()
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        print(f"numba {version('numba')}, Chromium {browser.version}, {platform.machine()}")
        print(f"module: {len(base64.b64decode(binary))} bytes, {len(EXPORTS)} functions")
        print(f"{'kernel':16}{'native':>12}{'browser':>12}{'ratio':>8}{'largest relative difference':>30}")
        for name, run, arguments, whole in subjects():
            values = [message(argument) for argument in arguments]
            theirs, numbers, _ = page.evaluate(IN_BROWSER, [binary, name, values, whole, BATCH, BATCHES])
            ours_first = copy.deepcopy(arguments)
            run(*ours_first)
            arrays = [a.ravel()[:5000] for a in ours_first if isinstance(a, np.ndarray)]
            gap = max((difference(a, np.array(b)) for a, b in zip(arrays, numbers)), default=0.0)
            ours = native(lambda: run(*arguments))
            print(f"{name:16}{ours * 1e6:>9.1f} us{theirs * 1e6:>9.1f} us{theirs / ours:>8.2f}{gap:>30.1e}")
        browser.close()


if __name__ == "__main__":
    main()
