"""python -m miniload: the command, for where its script is not on PATH."""

import sys

from miniload.cli import main

sys.exit(main())
