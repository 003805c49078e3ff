"""The reader's own file, opened on a page: the same spectrum and the same refusals as lib.realdata, nothing sent."""

import io

import numpy as np
import pandas as pd
import pytest
from conftest import served
from test_explorer import View
from test_explorer_browser import PAGE, RECORD, finished, opened, page, set_number, table  # noqa: F401 (page: a fixture)
from test_realdata import REFUSED, TEXTS

import lib
from lib import realdata
from lib.compiler import wasm
from lib.widgets import explore
from lib.widgets.exports import TABLE
from lib.widgets.page import page_script

RNG = np.random.default_rng(0)
X = RNG.normal(size=(300, 20)) * np.arange(1.0, 21.0) ** -1.0 + 3.0


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    widget = explore("realdata", data=lib.power_law(1.0, 64), source="lib.power_law(1.0, 64)", last=16)
    (folder / "explorers.js").write_text(page_script(wasm.build(TABLE)))
    (folder / "index.html").write_text(PAGE.format(body=widget._repr_mimebundle_()[0]["text/html"]))
    with served(folder) as address:
        yield f"{address}/index.html"


def npy(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def text(array, separator=",", head="", end="\n"):
    return (head + end.join(separator.join(map(repr, row)) for row in array.tolist()) + end).encode()


def give(root, name, content):
    root.page.evaluate("drawn.length = 0")
    root.locator("input[type=file]").set_input_files({"name": name, "mimeType": "", "buffer": content})


def archive(**arrays):
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


ARCHIVE = archive(a=X)
GOOD = {
    "samples.npy": npy(X),
    "fortran.npy": npy(np.asfortranarray(X)),
    "single.npy": npy(X.astype(np.float32)),
    "whole.npy": npy(np.rint(100 * X).astype(np.int64)),
    "bytes.npy": npy(np.rint(10 * X).clip(0, 255).astype(np.uint8)),
    "wide.npy": npy(X[:12]),
    "list.npy": npy(np.arange(1.0, 31.0) ** -2.0),
    "samples.csv": text(X),
    "named.csv": b"\xef\xbb\xbf"
    + text(X, ";", "# a comment\n" + ";".join(f"pixel {i}" for i in range(20)) + "\n", "\r\n"),
    "blanks.txt": text(X, "  "),
    "index.csv": pd.DataFrame(X).to_csv().encode(),
    "german.csv": text(X, ";").replace(b".", b","),
    "titled.tsv": b"Lengths, in spring of 2024\na, b\tc" + b"\td" * 18 + b"\n" + text(X, "\t"),
    "fast.npy": npy(X[:, :15] * np.arange(1.0, 16.0) ** -9),
    "rank.npy": npy(
        (30.0 * RNG.normal(size=(300, 12)) @ RNG.normal(size=(12, 14)) + 1000.0).astype(np.float32)
    ),  # 12 levels
    "thousands.npy": npy(np.random.default_rng(1).normal(size=(12, 5000))),
    "list.txt": text(np.arange(30.0, 0.0, -1.0)[:, None] ** 2),
}


@pytest.mark.parametrize("name", GOOD)
def test_a_file_gives_its_spectrum(page, address, name):
    root = opened(page, address)
    give(root, name, GOOD[name])
    finished(page)
    rows = table(root, "Data (CSV)")["measured"]
    expected = realdata.spectrum(io.BytesIO(GOOD[name]), name)
    # Two ways to the same eigenvalues, each off by some roundings of the largest, 5e-15 of it (tests/test_table.py);
    # and the mean that scales them.
    np.testing.assert_allclose(rows[:, 1], expected.eigenvalues, rtol=1e-13, atol=5e-15 * expected.eigenvalues[0])
    hint = "; the first column, which has no name, is left out" if name == "index.csv" else ""
    assert root.get_by_text(f"{expected.levels} eigenvalues{hint}.").is_visible()
    assert page.problems == []


@pytest.mark.parametrize(
    "name, content, words",
    [
        ("photo.jpg", b"\xff\xd8", "photo.jpg: must be a .npy"),
        ("fake.npy", b"1,2\n3,4\n5,6\n", "fake.npy: this is no .npy file of numbers"),
        ("y.npy", ARCHIVE, "y.npy: is an archive (.npz, .xlsx or .zip), whatever its name: must be one table"),
        ("named.csv", npy(X), "named.csv: is a .npy file, whatever its name: its name must end in .npy"),
        ("first.csv", b"NaN,2,3\n4,5,6\n7,8,1\n", 'first.csv: line 1, column 1: "NaN" is not a finite number'),
        ("begins.txt", b"5.0x\n3\n2\n1\n", 'begins.txt: line 1, column 1: "5.0x" is not a finite number'),
        (
            "decimal.txt",
            b"4,5\n2,5\n1,5\n",
            "(read as 3 samples of 2 whole numbers; if 4,5 means 4.5, write it with a point)",
        ),
        ("short.npy", npy(X)[:-8], "short.npy"),
        ("cube.npy", npy(np.zeros((2, 2, 2))), "cube.npy: has 3 dimensions: must have 1 or 2"),
        ("complex.npy", npy(X + 1j), "complex.npy: holds"),
        (
            "nan.npy",
            npy(np.where(np.arange(20) == 4, np.nan, X)),
            "nan.npy: row 1, column 5: NaN is not a finite number",
        ),
        ("hole.csv", b"1,2\n3,4\n5,\n", 'hole.csv: line 3, column 2: "" is not a finite number'),
        ("ragged.csv", b"1,2\n3,4\n5,6,7\n", "ragged.csv: line 3 has 3 values: must have 2, as the first"),
        ("empty.csv", b"", "empty.csv: holds 0 values: must hold at least 2"),
        ("negative.txt", b"3\n2\n-1\n", "negative.txt: eigenvalue 3 is -1: must be > 0"),
        ("flat.csv", b"1,2\n1,2\n1,2\n", "flat.csv: the samples vary in 0 directions: must vary in at least 2"),
        (
            "broad.npy",
            npy(np.zeros((2100, 2200), np.uint8)),
            "broad.npy: has 2100 samples of 2200 features (columns): must have at most 2048 of one of them",
        ),
        ("huge.npy", bytes(2**26 + 2), "huge.npy: has 65 MB: must have at most 64 MB"),
    ],
)
def test_a_bad_file_is_named_and_the_picture_stays(page, address, name, content, words):
    root = opened(page, address)
    before = root.locator(".ex-plot svg").first.inner_html()
    if len(content) < 50e6:
        give(root, name, content)
    else:
        root.locator("input[type=file]").evaluate(
            """(input, size) => {
              const files = new DataTransfer();
              files.items.add(new File([new Uint8Array(size)], "huge.npy"));
              input.files = files.files;
              input.dispatchEvent(new Event("change"));
            }""",
            len(content),
        )
    root.get_by_text(words).wait_for()
    assert root.locator(".ex-plot svg").first.inner_html() == before
    set_number(root, 0, "3")  # and it goes on with the data before
    finished(page)
    np.testing.assert_allclose(
        table(root, "Data (CSV)")["measured"][:, 1], lib.power_law(1.0, 64).eigenvalues, rtol=1e-13
    )
    # Python refuses the same files, but for those that only a page finds too large, and a spectrum of one level
    if name not in ("broad.npy", "huge.npy", "decimal.txt"):
        with pytest.raises(ValueError, match=name):
            measured = realdata.spectrum(io.BytesIO(content), name)
            assert measured.levels >= 2, name


def test_back_and_code(page, address, tmp_path, monkeypatch):
    root = opened(page, address)
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    give(root, "samples.csv", GOOD["samples.csv"])
    finished(page)
    root.get_by_text("Python that gives this").click()
    code = root.locator("code").inner_text()
    (tmp_path / "samples.csv").write_bytes(GOOD["samples.csv"])
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(code, names)
    beta = float(root.locator("dd").first.inner_text().split(" ±")[0].replace("−", "-"))
    assert names["s"].fit(window=(4, 16)).beta == pytest.approx(beta, abs=0.006)  # three digits are shown
    assert asked == []
    page.evaluate("drawn.length = 0")
    root.get_by_role("button", name="Back to the first data").click()
    finished(page)
    assert len(table(root, "Data (CSV)")["measured"]) == 64
    assert "s = lib.power_law(1.0, 64)" in root.locator("code").inner_text()


def test_a_link_made_with_the_readers_own_file_says_so(page, address):
    root = opened(page, address)
    words = root.get_by_text("made with a file of the reader’s own, which no address holds")
    give(root, "samples.csv", GOOD["samples.csv"])
    finished(page)
    root.get_by_role("button", name="Copy link").click()
    link = page.url
    assert link.endswith(",data=own")
    for again in ("a new visit", "a reload"):
        if again == "a reload":
            page.reload()
        else:
            page.goto("about:blank")
            page.goto(link)
        finished(page)
        words.wait_for()
        assert len(table(root, "Data (CSV)")["measured"]) == 64
    give(root, "samples.csv", GOOD["samples.csv"])
    finished(page)
    page.evaluate("drawn.length = 0")
    root.get_by_role("button", name="Back to the first data").click()
    finished(page)
    root.get_by_role("button", name="Copy link").click()
    assert not page.url.endswith("data=own")
    assert page.problems == []


def test_a_file_dropped_on_the_picture_is_opened(page, address):
    root = opened(page, address)
    page.evaluate("drawn.length = 0")
    root.locator(".ex-reader").evaluate(
        """(node, text) => {
          const dataTransfer = new DataTransfer();
          dataTransfer.items.add(new File([text], "list.txt"));
          for (const type of ["dragover", "drop"]) {
            node.dispatchEvent(new DragEvent(type, { dataTransfer, bubbles: true, cancelable: true }));
          }
        }""",
        GOOD["list.txt"].decode(),
    )
    finished(page)
    expected = realdata.spectrum(io.BytesIO(GOOD["list.txt"]), "list.txt").eigenvalues
    np.testing.assert_allclose(table(root, "Data (CSV)")["measured"][:, 1], expected, rtol=1e-13)


def test_the_learning_curve_follows_the_file(page, address):
    root = opened(page, address)
    give(root, "samples.npy", GOOD["samples.npy"])
    finished(page)
    page.evaluate("drawn.length = 0")
    root.get_by_role("combobox", name="picture").select_option("learning curve")
    finished(page)
    rows = table(root, "Data (CSV)")["predicted"]
    expected = lib.linear.generalization_error(lib.Spectrum.from_data(X), 0.1, rows[:, 0])
    np.testing.assert_allclose(rows[:, 1], expected, rtol=1e-9)


def test_a_new_worker_has_the_readers_data(page, address):
    """A worker that does not answer is replaced; here it is not asked."""
    page.add_init_script("""globalThis.Worker = class extends Worker {
      postMessage(message, buffers) { if (message.do !== globalThis.lost) super.postMessage(message, buffers); }
    }""")
    root = opened(page, address)
    give(root, "list.txt", GOOD["list.txt"])
    finished(page)
    expected = table(root, "Data (CSV)")["measured"]
    page.evaluate("lost = 'start'")
    set_number(root, 0, "2")
    page.evaluate("lost = ''")
    set_number(root, 0, "3")
    finished(page)
    np.testing.assert_array_equal(table(root, "Data (CSV)")["measured"], expected)
    assert page.problems == []


def test_a_large_file_shows_its_progress(page, address):
    root = opened(page, address)
    large = np.random.default_rng(1).normal(size=(1200, 500)).astype(np.float32)
    page.evaluate("""window.notes = []; new MutationObserver(() =>
      notes.push(document.querySelector(".ex-data [role=status]").textContent))
      .observe(document.querySelector(".ex-data"), { childList: true, subtree: true, characterData: true })""")
    give(root, "large.npy", npy(large))
    finished(page)
    assert any("%" in note for note in page.evaluate("notes"))
    np.testing.assert_allclose(
        table(root, "Data (CSV)")["measured"][:, 1], realdata.spectrum(large).eigenvalues, rtol=1e-6
    )


def test_jupyter_takes_the_same_files():
    widget = explore("realdata", data=lib.power_law(1.0, 64))
    sent = []
    widget.send = lambda message, buffers=None: sent.append(message)
    widget._open("samples.csv", GOOD["samples.csv"])
    np.testing.assert_allclose(widget.data, realdata.spectrum(X).eigenvalues, rtol=1e-12)
    assert sent[-1]["words"] == "20 eigenvalues" and widget.result.readouts["beta"] != 1.0
    widget._open("hole.csv", b"1,2\n3,\n")
    assert sent[-1]["error"].startswith("hole.csv: line 2, column 2") and len(widget.data) == 20
    widget._open("", b"")
    assert len(widget.data) == 64
    widget.data = X
    assert len(widget.data) == 20
    np.testing.assert_allclose(eval(sent[-1]["python"]).eigenvalues, widget.data, rtol=1e-9)
    with pytest.raises(ValueError, match="at most 2048"):
        widget.data = np.arange(1.0, 3000.0)
    assert len(widget.data) == 20


def test_no_file_ends_an_explorer():
    """What the thread in Jupyter says to anything at all; and it answers the sliders afterwards."""
    widget = explore("realdata", data=lib.power_law(1.0, 64), last=16)
    view = View(widget)
    rng = np.random.default_rng(0)
    objects = io.BytesIO()
    np.save(objects, np.array([{}, 1], dtype=object), allow_pickle=True)
    huge = npy(np.zeros(3)).replace(b"(3,)", b"(3000000000000000,)")
    contents = {
        "y.npy": ARCHIVE,
        "cut.npy": ARCHIVE[:40],
        "objects.npy": objects.getvalue(),
        "huge.npy": huge,
        "empty.npy": b"",
        "empty.csv": b"",
        "noise.npy": b"\x93NUMPY" + rng.bytes(300),
        "noise.csv": rng.bytes(300),
        "photo.jpg": b"\xff\xd8",
        "fields.npy": npy(np.zeros(3, dtype=[("a", float)])),
        "dates.npy": npy(np.array(["2024", "2025"], "M8[Y]")),
        "text.npy": npy(np.array(["a", "b"])),
        "flat.npy": npy(np.ones((5, 3))),
        "long.npy": npy(np.arange(1.0, 3000.0)),
    }
    for name, content in contents.items():
        widget._receive(widget, {"do": "open", "name": name}, [content])
        message = view.wait(lambda message: message.get("file") == name)[0]
        assert message["error"].startswith((f"{name}: ", "data = ")), message
    values = [float(value) for value in widget._values().values()]
    view.say("start", values=values)
    assert view.wait(lambda message: "status" in message)[0]["status"] == 0
    widget._receive(widget, {"do": "open", "name": "index.csv"}, [GOOD["index.csv"]])
    words = view.wait(lambda message: message.get("file") == "index.csv")[0]["words"]
    assert words == "20 eigenvalues; the first column, which has no name, is left out"


def test_whatever_reading_raises_is_an_answer(monkeypatch):
    widget = explore("realdata", data=lib.power_law(1.0, 64), last=16)
    view = View(widget)
    for error in (MemoryError("too much"), RecursionError("too deep"), AttributeError("no dtype"), KeyError("x")):
        monkeypatch.setattr(realdata, "read", lambda *args, error=error: (_ for _ in ()).throw(error))
        widget._receive(widget, {"do": "open", "name": "a.csv"}, [b"1,2"])
        kind = type(error).__name__
        assert view.wait(lambda message: kind in message.get("error", ""))[0]["error"] == f"a.csv: {kind}: {error}"


def test_the_page_reads_texts_as_python_does(page, address):
    """The cases of tests/test_realdata.py by the page's own reader, as the worker has it."""
    opened(page, address)
    contents = {name: case[0] for name, case in (TEXTS | REFUSED).items()}
    answers = page.evaluate(
        """contents => {
      const read = new Function(`${readNumber}\n${EXPLORER_TABLE}\nreturn readTable`)();
      return Object.entries(contents).map(([name, content]) => {
        try {
          const { values, hint } = read(name, new TextEncoder().encode(content).buffer, 64);
          return { values: [...values], hint };
        } catch (error) { return { error: error.message }; }
      });
    }""",
        contents,
    )
    for name, answer in zip(contents, answers):
        if name in REFUSED:
            assert answer["error"].startswith(f"{name}: {REFUSED[name][1]}")
        else:
            np.testing.assert_array_equal(answer["values"], np.ravel(TEXTS[name][1]), err_msg=name)
            assert (TEXTS[name][2] in answer["hint"]) if TEXTS[name][2] else answer["hint"] == ""


def test_small_screen_and_paper(page, address):
    page.set_viewport_size({"width": 320, "height": 640})
    root = opened(page, address)
    give(root, "a-file-with-a-rather-long-name-that-has-to-go-somewhere.csv", b"1,2\n3,x\n")
    root.get_by_text("is not a finite number").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") == 320
    assert root.locator("input[type=file]").bounding_box()["height"] >= 44
    page.emulate_media(media="print")
    assert not root.locator("input[type=file]").is_visible()
