"""The documentation as a site: ``make docs`` writes it to build/site."""

from importlib import metadata

project, author = "rnnsweep", "the rnnsweep authors"
release = metadata.version("rnnsweep")
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_copybutton"]
exclude_patterns = ["lesson.md"]
suppress_warnings = ["toc.empty_glob"]  # every page that the list of pages does not name comes last

html_theme = "furo"
html_title = "rnnsweep"
html_show_sourcelink = False
html_static_path, html_css_files = ["_static"], ["wide.css"]

myst_heading_anchors = 3
napoleon_numpy_docstring = False
autodoc_typehints = "signature"
autodoc_member_order = "bysource"
python_use_unqualified_type_names = True


def setup(app) -> None:  # noqa: ANN001
    """Write the pages of keys before Sphinx lists its sources."""
    import sys
    from pathlib import Path

    sys.path.insert(0, str(Path(__file__).parent))
    from reference_pages import write_pages

    write_pages(Path(__file__).parent / "reference")
