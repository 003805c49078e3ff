"""Commands that make something of the book beside its site: `python -m tools.NAME`, or `make NAME`."""
