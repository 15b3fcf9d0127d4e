"""python -m tests.benchmarks [--quick] [row ...]: see `make bench`."""

if __name__ == "__main__":
    # Workers import this module again: they start faster, and remain smaller, without what only the parent needs.
    from tests.benchmarks.run import main

    main()
