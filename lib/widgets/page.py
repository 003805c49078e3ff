"""What a page gets: an experiment as data, the element of an explorer, and the script that brings it to life."""

import base64
import html
import json
import re
import zlib
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..book.script import lean
from .experiment import Control, Experiment
from .picture import image

if TYPE_CHECKING:
    from matplotlib.figure import Figure


_FOLDER = Path(__file__).parent
_IMPORT = re.compile(r'^import \{[^}]*\} from "\./([\w.]+)";\n', re.MULTILINE)


def source(*names: str) -> str:
    """Read files of this folder.

    Parameters
    ----------
    *names : str

    Returns
    -------
    str
        Their texts, one after the other.
    """
    return "\n".join((_FOLDER / name).read_text(encoding="utf-8") for name in names)


def explorer_module() -> str:
    """Write the user interface as the one ES module that Jupyter and the pages run, from the modules of ``view/``.

    Their top-level names are distinct, so that they can share one scope: what is imported is put in front, once.

    Returns
    -------
    str
    """
    texts: dict[str, str] = {}

    def add(name):
        if name in texts:
            return
        text = source(f"view/{name}")
        texts[name] = ""  # a module that imports itself through others is not followed again
        for other in _IMPORT.findall(text):
            add(other)
        del texts[name]
        texts[name] = _IMPORT.sub("", text)

    add("explorer.mjs")
    return source("number.js", "address.js") + "\n".join(texts.values())


def specification(experiment: Experiment, values: dict[str, float], source: str) -> dict[str, Any]:
    """Describe an experiment, without its kernels, to explorer.mjs (``Spec`` in types.d.ts).

    Parameters
    ----------
    experiment : Experiment
    values : dict of str to float
        Where "Reset" goes, by control.
    source : str
        Python expression for the data.

    Returns
    -------
    dict
    """
    readouts, curves, panels = experiment.places
    shown = ("name", "title", "python", "table", "output_size")
    return {name: getattr(experiment, name) for name in shown} | {
        "x": asdict(experiment.x),
        "y": asdict(experiment.y),
        "z": experiment.z and asdict(experiment.z),
        "controls": [
            asdict(control) | {"default": values[control.name], "range": control_range(control)}
            for control in experiment.controls
        ],
        "readouts": [asdict(readout) | {"start": readouts[readout.name]} for readout in experiment.readouts],
        "curves": [asdict(curve) | curves[curve.name]._asdict() for curve in experiment.curves],
        "panels": [asdict(panel) | {"start": panels[panel.name].start} for panel in experiment.panels],
        "messages": {str(status): sentence for status, sentence in experiment.sentences.items()},  # as JSON has keys
        "source": source,
        "guides": [asdict(guide) for guide in experiment.guides],
        "handles": [asdict(handle) for handle in experiment.handles],
        "ordered": [asdict(order) for order in experiment.ordered],
        "plane": experiment.plane and asdict(experiment.plane),
        "presets": [
            {"name": preset.name, "title": preset.title, "text": preset.text, "values": experiment.state(preset.name)}
            for preset in experiment.presets
        ],
    }


def control_range(control: Control) -> str:
    """Say in words which values a control takes.

    Parameters
    ----------
    control : Control

    Returns
    -------
    str
    """
    if control.choices:
        return "one of " + ", ".join(f"{choice:g}" for choice in control.choices)
    kind = "a whole number" if control.scale == "integer" else "a number"
    return f"{kind} from {control.minimum:g} to {control.maximum:g}"


def element(spec: dict[str, Any], values: dict[str, float], data: np.ndarray, figure: "Figure", words: str) -> str:
    """Write what stands on a page: the picture, and what page.js needs to put the live explorer there.

    Parameters
    ----------
    spec : dict
        The experiment, as :func:`specification` gives it.
    values : dict of str to float
        Present values of the controls.
    data : ndarray
    figure : matplotlib.figure.Figure
        The picture.
    words : str
        For those who do not see it.

    Returns
    -------
    str
        HTML.
    """
    content = {"spec": spec, "values": values, "data": data.tolist()}
    # "full-width" tells the book's theme to fold the contents beside the text while the explorer is in sight
    return (
        f'<div class="explorer full-width" data-explorer="{html.escape(spec["name"])}">\n'
        f'<script type="application/json">{_script_json(content)}</script>\n'
        f'<img class="explorer-picture" {image(figure, words)}>\n</div>'
    )


def _script_json(content):
    """JSON that may stand inside <script>."""
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")


def page_script(wasm: bytes) -> str:
    """Write the one script of a page with explorers.

    A classic script, because modules and ``fetch`` do not work from ``file://``. It carries the user interface as text,
    which page.js imports from a Blob: a page runs the module that Jupyter runs, without its comments.

    Parameters
    ----------
    wasm : bytes
        The kernels, as ``lib.compiler.wasm.build`` returns them.

    Returns
    -------
    str
    """
    parts = {
        "EXPLORER_WASM": base64.b64encode(_deflated(wasm)).decode("ascii"),
        "EXPLORER_MODULE": lean(explorer_module()),
        "EXPLORER_TABLE": lean(source("table.js")),
        "EXPLORER_STYLE": _lean_css(source("view/explorer.css")),
    }
    constants = "".join(f"globalThis.{name} = {json.dumps(text)};\n" for name, text in parts.items())
    return constants + lean(source("number.js", "address.js", "page.js"))


def _deflated(content):
    """Compress, without a header: what base64 adds to bytes of this kind is what a server's compression takes away."""
    packer = zlib.compressobj(9, wbits=-15)
    return packer.compress(content) + packer.flush()


def _lean_css(text):
    """A style sheet without its comments and indentation; none of ours has a comment's signs in a string."""
    return re.sub(r"\n\s*", "\n", re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)).strip()
