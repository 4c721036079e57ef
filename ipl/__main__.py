"""`python -m ipl` is `ipl`."""

import sys

from ipl.cli import main

if __name__ == "__main__":
    sys.exit(main())
