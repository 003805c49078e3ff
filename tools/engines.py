"""Browsers of three engines behind four methods: for the tests that all of them must pass.

Chromium is playwright's page (``tools/browser.py``). The system's Firefox is driven by WebDriver BiDi, which it speaks
itself, and WebKit by the WebDriver that Debian's webkit2gtk-driver brings: playwright has its own builds of both, which
no package index serves, and its BiDi asks for commands that Firefox ESR does not have.
"""

import contextlib
import http.client
import json
import os
import shutil
import socket
import subprocess
import time
from tempfile import TemporaryDirectory

SIZE = (1280, 900)  # of the window, px
PATIENCE = 150  # seconds until a state that does not come is an error: a busy machine is none

# What Firefox says of a page that is left before all has come: of a font (NS_BINDING_ABORTED), and of a module.
ABORTED = ("status=2152398850", "error loading dynamically imported module: blob:")

# What WebDriver calls these keys; others are the character that they write.
CODES = {"Tab": "\ue004", "Enter": "\ue007", "PageUp": "\ue00e", "ArrowRight": "\ue014"}


class Engine:
    """A browser with one page.

    Subclasses have ``go(address)``, which returns once the page is loaded, ``_call(source)``, which gives the string
    that a promise in JavaScript leads to, ``keys``, which presses keys as playwright names them, one after the other,
    and ``files``, which gives files to an input.
    """

    def __init__(self):
        self.problems = []  # errors of scripts, where the browser tells them

    def evaluate(self, function, *arguments):
        """Call a function in JavaScript, and wait for its promise if it gives one; all data is as in JSON."""
        call = f"({function})(...{json.dumps(arguments)})"
        return json.loads(self._call(f"Promise.resolve({call}).then((value) => JSON.stringify(value ?? null))"))

    def wait(self, condition, *arguments):
        """Wait until a function in JavaScript gives something true, and return that."""
        reached, value = self.evaluate(
            f"""async (seconds, ...given) => {{
              const end = performance.now() + 1000 * seconds;
              let value;
              while (!(value = ({condition})(...given)) && performance.now() < end)
                await new Promise((done) => setTimeout(done, 20));
              return [Boolean(value), value];
            }}""",
            PATIENCE,
            *arguments,
        )
        if not reached:
            raise TimeoutError(f"not within {PATIENCE} s: {condition}, given {arguments}")
        return value


class Chromium(Engine):
    """The system's Chromium, by playwright."""

    def __init__(self, browser):
        super().__init__()
        self._page = browser.new_page(viewport=dict(zip(("width", "height"), SIZE)))

    def go(self, address):
        self._page.goto(address)

    def _call(self, source):
        return self._page.evaluate(source)

    def keys(self, *names):
        for name in names:
            self._page.keyboard.press(name)

    def files(self, selector, *paths):
        self._page.set_input_files(selector, paths)

    def close(self):
        self._page.close()


class Firefox(Engine):
    """The system's Firefox, by WebDriver BiDi: https://w3c.github.io/webdriver-bidi."""

    def __init__(self, port):
        import websocket  # from the package websocket-client

        super().__init__()
        self._socket = websocket.create_connection(
            f"ws://127.0.0.1:{port}/session", suppress_origin=True, timeout=2 * PATIENCE
        )
        self._count = 0
        self.version = self._do("session.new", capabilities={})["capabilities"]["browserVersion"]
        self._do("session.subscribe", events=["log.entryAdded"])
        self._context = self._do("browsingContext.getTree")["contexts"][0]["context"]
        self._do("browsingContext.setViewport", context=self._context, viewport=dict(zip(("width", "height"), SIZE)))

    def _do(self, method, **parameters):
        self._count += 1
        self._socket.send(json.dumps({"id": self._count, "method": method, "params": parameters}))
        while (answer := json.loads(self._socket.recv())).get("id") != self._count:
            if answer["method"] == "log.entryAdded" and answer["params"]["level"] == "error":
                text = answer["params"]["text"]
                if not any(what in text for what in ABORTED):
                    self.problems.append(text)
        if answer["type"] == "error":
            raise RuntimeError(f"{method}: {answer['message']}")
        return answer["result"]

    def go(self, address):
        self._load("about:blank")  # or the same page with another fragment would not be loaded anew
        self._load(address)

    def _load(self, address):
        """Load a page and wait until it is there: a busy Firefox may answer when the page before has loaded."""
        self._do("browsingContext.navigate", context=self._context, url=address, wait="complete")
        end = time.monotonic() + PATIENCE
        while not self._arrived(address.partition("#")[0]):
            if time.monotonic() > end:
                raise TimeoutError(f"not within {PATIENCE} s: {address}")
            time.sleep(0.05)

    def _arrived(self, address):
        """Whether the page at an address without fragment is there, whole."""
        try:
            here, state = self.evaluate("() => [document.URL, document.readyState]")
        except RuntimeError:  # the document was left while it was asked
            return False
        return state == "complete" and here.partition("#")[0] == address

    def _value(self, expression):
        answer = self._do(
            "script.evaluate", expression=expression, target={"context": self._context}, awaitPromise=True
        )
        if answer["type"] == "exception":
            raise RuntimeError(answer["exceptionDetails"]["text"])
        return answer["result"]

    def _call(self, source):
        return self._value(source)["value"]

    def keys(self, *names):
        self._do("input.performActions", context=self._context, actions=_actions(names))

    def files(self, selector, *paths):
        element = {"sharedId": self._value(f"document.querySelector({json.dumps(selector)})")["sharedId"]}
        self._do("input.setFiles", context=self._context, element=element, files=[str(path) for path in paths])


class WebKit(Engine):
    """WebKitGTK's MiniBrowser, by WebDriver: https://www.w3.org/TR/webdriver2."""

    def __init__(self, port):
        super().__init__()
        self._server = http.client.HTTPConnection("127.0.0.1", port, timeout=2 * PATIENCE)
        self._session = ""
        wanted = {"alwaysMatch": {"timeouts": {"script": 2000 * PATIENCE}}}
        session = self._do("", capabilities=wanted)
        self.version = session["capabilities"]["browserVersion"]
        self._session = f"/{session['sessionId']}"
        self._do("/window/rect", width=SIZE[0], height=SIZE[1])

    def _do(self, command, http_method="POST", **parameters):
        self._server.request(http_method, f"/session{self._session}{command}", json.dumps(parameters))
        answer = self._server.getresponse()
        value = json.load(answer)["value"]
        if answer.status >= 400:
            raise RuntimeError(f"{command}: {value['message']}")
        return value

    def go(self, address):
        self._do("/url", url=address)

    def _call(self, source):
        script = f"""const done = arguments[arguments.length - 1];
          (async () => {source})().then((value) => done({{ value }}), (error) => done({{ error: `${{error}}` }}))"""
        answer = self._do("/execute/async", script=script, args=[])
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer["value"]

    def keys(self, *names):
        self._do("/actions", actions=_actions(names))

    def files(self, selector, *paths):
        (element,) = self._do("/element", using="css selector", value=selector).values()
        self._do(f"/element/{element}/value", text="\n".join(map(str, paths)))

    def close(self):
        self._do("", "DELETE")


def _actions(names):
    """Presses of keys, as both WebDrivers take them."""
    codes = [CODES.get(name, name) for name in names]
    return [
        {
            "type": "key",
            "id": "keyboard",
            "actions": [{"type": kind, "value": code} for code in codes for kind in ("keyDown", "keyUp")],
        }
    ]


@contextlib.contextmanager
def launched(name):
    """The system's browser of an engine, "Firefox" or "WebKit"; None where it is not installed."""
    with contextlib.ExitStack() as stack:
        home = stack.enter_context(TemporaryDirectory(ignore_cleanup_errors=True))  # nothing of the user's own
        yield {"Firefox": _firefox, "WebKit": _webkit}[name](stack, home)


def _firefox(stack, home):
    program = shutil.which("firefox-esr") or shutil.which("firefox")
    if program is None:
        return None
    port = _free_port()
    command = [program, "--headless", "--no-remote", "--profile", home, "--remote-debugging-port", str(port)]
    process = _run(stack, command, {"HOME": home})
    return _answered(process, lambda: Firefox(port))


def _webkit(stack, home):
    driver, screen = shutil.which("WebKitWebDriver"), shutil.which("Xvfb")
    if driver is None or screen is None:
        return None
    reading, writing = os.pipe()
    _run(stack, [screen, "-displayfd", str(writing), "-screen", "0", "1280x1024x24", "-nolisten", "tcp"], {}, writing)
    os.close(writing)
    with open(reading) as numbers:
        display = f":{numbers.readline().strip()}"  # said when it is ready
    port = _free_port()
    process = _run(stack, [driver, f"--port={port}"], {"HOME": home, "DISPLAY": display, "GDK_BACKEND": "x11"})
    page = _answered(process, lambda: WebKit(port))
    stack.callback(page.close)
    return page


def _free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def _run(stack, command, environment, *descriptors):
    """Start a program that ends with the stack."""
    process = subprocess.Popen(
        command,
        env=os.environ | environment,
        pass_fds=descriptors,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    stack.callback(process.wait)
    stack.callback(process.terminate)
    return process


def _answered(process, connect):
    """What ``connect`` gives, as soon as the program listens."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            return connect()
        except ConnectionRefusedError:
            if process.poll() is not None or time.monotonic() > end:
                raise
            time.sleep(0.05)
