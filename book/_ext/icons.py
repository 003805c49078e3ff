"""The theme's icons as two small fonts: of the 2000 that it brings as a program and as fonts, the two dozen in use.

The theme's style sheet names an icon's letter for each class, as ``.fa-list:before{content:"\\f03a"}``. What the pages,
the theme's programs and the other rules of its style sheets do not name is left out of fonts and style sheet.
"""

import re
import shutil
from importlib.util import find_spec
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont
from sphinx.errors import ExtensionError

STYLE = "styles/pydata-sphinx-theme.css"
FONTS = "vendor/fontawesome/webfonts"
RULE = re.compile(r'((?:\.fa-[\w-]+:before,?)+)\{content:"([^"]*)"\}')
FACE = re.compile(r"url\(\.\./vendor/fontawesome/webfonts/(fa-[\w-]+)\.woff2\)[^}]*")
LETTER = re.compile(r'"\\([ef][0-9a-f]{3})"')
# What the theme brings for its icons, and for those who develop it.
UNUSED = ("vendor/fontawesome", "scripts/fontawesome.js", "**/*.map")


def write_icons(app, exception):
    if exception or app.builder.name != "html":
        return
    theme = Path(find_spec("pydata_sphinx_theme").origin).parent / "theme" / "pydata_sphinx_theme" / "static"
    static = Path(app.outdir) / "_static"
    style = (theme / STYLE).read_text(encoding="utf-8")
    if not RULE.search(style):
        raise ExtensionError(f"the icons of the theme's {STYLE} are not where book/_ext/icons.py looks for them")
    used = _names(app)
    kept = RULE.sub(lambda rule: rule[0] if used & set(re.findall(r"fa-[\w-]+", rule[1])) else "", style)
    letters = {int(code, 16) for text in (kept, *_styles(static)) for code in LETTER.findall(text)}
    kept = FACE.sub(lambda face: f'url({face[1]}.woff) format("woff")', kept)
    (static / STYLE).write_text(kept, encoding="utf-8")
    for font in (theme / FONTS).glob("*.ttf"):
        _write_font(font, letters, (static / STYLE).with_name(f"{font.stem}.woff"))
    for pattern in UNUSED:
        for path in static.glob(pattern):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def _names(app):
    """Classes of icons in all pages, also in those that this build did not write, and in the theme's programs."""
    site = Path(app.outdir)
    files = [*site.glob("*.html"), *(site / f"{name}.html" for name in app.env.found_docs)]
    files += (site / "_static" / "scripts").glob("*-theme.js")
    return {name for file in files for name in re.findall(r"\bfa-[\w-]+", file.read_text(encoding="utf-8"))}


def _styles(static):
    """The other style sheets."""
    return [path.read_text(encoding="utf-8") for path in static.glob("**/*.css") if path != static / STYLE]


def _write_font(source, letters, target):
    font, options = TTFont(source), subset.Options(hinting=False)
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=letters)
    subsetter.subset(font)
    font.flavor = "woff"
    font.save(target)


def setup(app):
    app.connect("build-finished", write_icons)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
