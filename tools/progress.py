"""Run a command and show the last line that it has printed: ``python tools/progress.py TITLE COMMAND ...``.

In a terminal the line is written over in place; elsewhere a line comes every ten seconds. If the command fails, all
that it has printed follows. Needs nothing but Python, so that it can watch pip.
"""

import shutil
import subprocess
import sys
import time

EVERY = 10.0  # seconds between lines where they stay


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
    out.flush()
    return code


if __name__ == "__main__":
    sys.exit(run(sys.argv[1], sys.argv[2:]))
