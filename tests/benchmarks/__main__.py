"""python -m tests.benchmarks [--quick] [row ...]"""

from tests.benchmarks.run import main

if __name__ == "__main__":
    main()
