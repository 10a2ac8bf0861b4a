"""The site in a browser is looked at where one asks for it, `make test-docs`: it has to be built before."""

import sys

collect_ignore = [] if any("check_site" in argument for argument in sys.argv) else ["check_site.py"]
