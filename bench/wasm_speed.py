"""The same kernels natively and in a browser: time of a call, their ratio, and how far the numbers differ.

A kernel is timed on its case of ``tests/test_wasm.py``, an experiment as a whole run at its default controls, from
``start`` to the end of ``advance``. Differences come from Math.exp, Math.log and Math.asin alone; the rest is the
same bits.
"""

import base64
import copy
import math
import time

import numpy as np
from test_wasm import CASES, KERNELS

from lib.compiler import wasm
from lib.widgets.experiments import EXPERIMENTS
from lib.widgets.exports import TABLE

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


def native(run, batch, batches):
    """Seconds of ``run()``, the fastest batch."""
    best, calls, done = math.inf, 1, 0
    while done < batches:
        begin = time.perf_counter()
        for _ in range(calls):
            run()
        elapsed = time.perf_counter() - begin
        if elapsed < batch:
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
    """Names -> native function, arguments, whether it is an experiment's whole run."""
    found = {name: (function, CASES[name](np.random.default_rng(0)), False) for name, (function, _) in KERNELS.items()}
    for name, experiment in EXPERIMENTS.items():
        p = np.array([float(control.default) for control in experiment.controls])
        work = np.zeros(int(experiment.size(p, np.zeros(0))))
        found[name] = whole_run(experiment), (p, np.zeros(0), work), True
    return found


def measure(bench, browser, names=None, batch=BATCH, batches=BATCHES):
    """All subjects, or those named, natively and in a Chromium of playwright (None: not installed)."""
    if browser is None:
        bench.skip("WebAssembly, against native", "Chromium")
        return
    work = f"WebAssembly in Chromium {browser.version}, against native"
    page, page_module, kernels = browser.new_page(), wasm.build(TABLE), wasm.compile_table("tests.test_wasm:KERNELS")
    for name, (run, arguments, whole) in subjects().items():
        if names is not None and name not in names:
            continue
        binary = base64.b64encode(page_module if whole else kernels).decode()
        values = [message(argument) for argument in arguments]
        theirs, numbers, _ = page.evaluate(IN_BROWSER, [binary, name, values, whole, batch, batches])
        ours = copy.deepcopy(arguments)
        run(*ours)
        arrays = [a.ravel()[:5000] for a in ours if isinstance(a, np.ndarray)]
        gap = max((difference(a, np.array(b)) for a, b in zip(arrays, numbers)), default=0.0)
        seconds = native(lambda: run(*arguments), batch, batches)
        what = "a run of the explorer" if whole else "a call"
        note = f"numbers differ by {gap:.1g}"
        bench.row(work, f"{name}, {what}", 1e6 * theirs, "us", note, base=1e6 * seconds)
    page.close()
