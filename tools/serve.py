"""Serve a folder on this machine until Ctrl-C: ``python tools/serve.py FOLDER PORT``. Needs nothing but Python."""

import errno
import sys
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

HINTS = {
    errno.EADDRINUSE: "it is in use: stop what listens there, or take another one",
    errno.EACCES: "it needs an administrator's rights: take one above 1023",
}


def server(folder, port):
    """A server of ``folder``, not yet running; OSError or OverflowError if the port cannot be had."""
    return ThreadingHTTPServer(("127.0.0.1", port), partial(SimpleHTTPRequestHandler, directory=folder))


def main(folder, port):
    try:
        running = server(folder, int(port))
    except (OSError, OverflowError, ValueError) as error:
        hint = HINTS.get(getattr(error, "errno", None), "a port is a number from 1 to 65535")
        return f"PORT = {port}: {hint}, as in `make book PORT=8001`"
    print(f"\nThe book: http://localhost:{running.server_port}/ (Ctrl-C ends it)\n", flush=True)
    try:
        running.serve_forever()
    except KeyboardInterrupt:
        print()
    finally:
        running.server_close()
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
