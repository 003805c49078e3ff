"""The library of this book, whatever copy of it is installed: for this process and for the kernels."""

import os
import sys


def put_on_path(app, config):
    root = str(app.srcdir)
    sys.path.insert(0, root)
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))


def setup(app):
    app.connect("config-inited", put_on_path)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
