"""Run a command and show the last line that it has printed: ``python tools/progress.py TITLE COMMAND ...``.

In a terminal the line is written over in place; elsewhere a line comes every ten seconds. If the command fails, all
that it has printed follows. Needs nothing but Python, so that it can watch pip.
"""

import shutil
import subprocess
import sys
import time

EVERY = 10.0  # seconds between lines where they stay
HINTS = {  # what to do, by what a command that failed has said
    "No space left on device": "The disk is full: make room (`make clean` deletes what was built), then start again.",
    "No matching distribution found": "pip found no such package where it looks: is there a network? "
    "Behind a proxy, or with packages of your own, set PIP_PROXY or PIP_INDEX_URL; then start again.",
    "Permission denied": "A file or folder cannot be written: clone the book to a folder of your own.",
}


def run(title, command, out=sys.stdout):
    """Run ``command`` (list of str); returns its exit code."""
    begin, shown, lines = time.monotonic(), 0.0, []
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
    terminal = out.isatty()
    for line in process.stdout:
        lines.append(line)
        seconds = time.monotonic() - begin
        text = f"{title}, {seconds:.0f} s: {' '.join(line.split())}"
        if terminal:
            width = shutil.get_terminal_size().columns - 1
            out.write("\r\x1b[K" + text[:width])
        elif seconds - shown >= EVERY:
            shown = seconds
            out.write(text[:100] + "\n")
        out.flush()
    code = process.wait()
    if terminal:
        out.write("\r\x1b[K")
    out.write(f"{title}: {'done' if code == 0 else 'failed'} after {time.monotonic() - begin:.0f} s\n")
    if code != 0:
        out.writelines(lines)
        out.writelines(f"{hint}\n" for words, hint in HINTS.items() if any(words in line for line in lines))
    out.flush()
    return code


if __name__ == "__main__":
    sys.exit(run(sys.argv[1], sys.argv[2:]))
