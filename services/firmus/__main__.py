"""`python -m firmus`."""

from firmus.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
