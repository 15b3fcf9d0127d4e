"""What locust runs: who asks, and when they become many."""

from dashboards.traffic.clients import Clumsy, Newcomer, Reader, Shopkeeper
from dashboards.traffic.crowds import BargainHunter, Searcher
from dashboards.traffic.spells import Spells

__all__ = ["BargainHunter", "Clumsy", "Newcomer", "Reader", "Searcher", "Shopkeeper", "Spells"]
