"""What a server shows for a page that is not there: ``404.html``, made by sphinx-notfound-page.

Its template is ours, ``book/_templates/not_found.html``. The theme's own would not do: the links of its sidebar are
relative, and lead nowhere from an address in another folder.
"""

from urllib.parse import urlparse


def place_the_site(app, config):
    """The page leads to the book from any address: its links begin at the server's root."""
    config.notfound_urls_prefix = urlparse(config.html_baseurl).path or "/"


def setup(app):
    app.setup_extension("address")  # which sets html_baseurl before this reads it
    app.setup_extension("notfound.extension")
    app.connect("config-inited", place_the_site)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
