"""`python -m grader` is the same as the console script `grader`."""

import sys

from grader import signals


def main() -> None:
    signals.install()  # before the long imports: Ctrl-C at the start ends without a traceback, too
    try:
        from grader.cli import main as run

        run()
    except signals.Stopped as stopped:
        sys.exit(signals.tell(stopped))


if __name__ == "__main__":
    main()
