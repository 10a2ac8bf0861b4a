"""How Sphinx builds the site: `make docs`.

The root of the sources is the repository, so that a link means the same file here and on a code host. Pages are the
Markdown of `docs`, the notebooks as they are kept, and the changelog; nothing is executed but `import fkeras`, for the
reference.
"""

import pathlib
import sys

DOCS = pathlib.Path(__file__).parent
ROOT = DOCS.parent
sys.path[:0] = [str(DOCS / "_ext"), str(ROOT)]

import fkeras  # noqa: E402

project = "fkeras"
version = release = fkeras.__version__
project_copyright = "the fkeras authors"

extensions = ["myst_nb", "sphinx_design", "sphinx_copybutton", "fkeras_docs"]
root_doc = "docs/index"
include_patterns = [
    "docs/**.md",
    "notebooks/*.ipynb",
    "examples/*/README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "benchmarks/**RESULTS.md",
]
exclude_patterns = [".*", "build", "dist", "fkeras", "tests", "**/.ipynb_checkpoints", "**/__pycache__"]

# ------------------------------------------------------------------ Markdown and notebooks
myst_enable_extensions = ["deflist", "attrs_inline", "colon_fence", "dollarmath"]
myst_heading_anchors = 4
nb_execution_mode = "off"  # the tests execute them, and hold what is kept in them
nb_merge_streams = True
nb_render_error_lexer = "myst-ansi"  # tracebacks keep the colours that IPython gave them

# ------------------------------------------------------------------ what is searched and shown
nitpicky = True
python_maximum_signature_line_length = 88
toc_object_entries_show_parents = "hide"
# A summary of a result is fetched, which a browser refuses a page that was opened from a disk.
html_show_search_summary = False
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

html_theme = "furo"
html_title = f"fkeras {version}"
html_math_renderer = "mathml"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_extra_path = ["_root"]  # index.html of the site's root, which leads to docs/index.html
html_copy_source = False
html_show_sphinx = False
html_theme_options = {"navigation_with_keys": True}
pygments_style = "friendly"
pygments_dark_style = "github-dark"
