"""The site's public address, ``html_baseurl``, made from the repository's, which thus stands in one place."""

from urllib.parse import urlparse


def name_the_site(app, config):
    """The address at which GitHub serves the repository's pages, unless another is given."""
    repository = urlparse(config.html_theme_options["repository_url"]).path.strip("/")
    if not config.html_baseurl and repository.count("/") == 1:
        owner, name = repository.split("/")
        config.html_baseurl = f"https://{owner}.github.io/{name}/"


def setup(app):
    app.connect("config-inited", name_the_site)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
