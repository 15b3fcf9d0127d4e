import re
from collections import Counter
from collections.abc import Iterator, Sequence
from decimal import Decimal
from hashlib import sha256
from itertools import islice, pairwise

from service.sample.catalogue import Product, products
from service.sample.dates import END, START
from service.sample.stock import Item
from service.sample.vocabulary import CATEGORIES

# Of the output on Python 3.11; any change to the vocabulary or to the order of the draws changes it.
DIGEST = "eb0495cf10f66241b41bce252a977ed4aa52a7b75d224bd02fca5b275ebfe162"


def test_the_sample_is_the_same_everywhere_and_always(
    catalogue: Sequence[Product], stock: Sequence[Item]
) -> None:
    rows = (repr(tuple(map(str, row))).encode() for row in (*catalogue, *stock))
    assert sha256(b"\n".join(rows)).hexdigest() == DIGEST


def test_a_small_catalogue_is_the_beginning_of_a_large_one(catalogue: Sequence[Product]) -> None:
    def timeless(product: Product) -> Product:
        return product._replace(created_at=START, updated_at=START)

    assert [timeless(each) for each in products(500)] == [timeless(each) for each in catalogue[:500]]


def test_ids_count_up_from_one(catalogue: Sequence[Product]) -> None:
    assert [product.id for product in catalogue] == list(range(1, 10_001))


def test_no_two_products_share_a_name(catalogue: Sequence[Product]) -> None:
    assert len({product.name for product in catalogue}) == 10_000


def test_nearly_no_two_products_share_a_description(catalogue: Sequence[Product]) -> None:
    assert len({product.description for product in catalogue}) > 9_900


def test_the_text_uses_many_words_and_none_is_everywhere(catalogue: Sequence[Product]) -> None:
    documents = Counter(
        word for product in catalogue for word in set(_words(product.description)) if len(word) > 5
    )
    assert len(documents) > 1_000
    assert max(documents.values()) < 5_000


def test_each_category_has_a_fair_share(catalogue: Sequence[Product]) -> None:
    counts = Counter(product.category for product in catalogue)
    assert set(counts) == {category.slug for category in CATEGORIES}
    assert min(counts.values()) > 300
    assert max(counts.values()) < 1_500


def test_products_appear_one_after_the_other_within_the_year(catalogue: Sequence[Product]) -> None:
    moments = [START, *(product.created_at for product in catalogue), END]
    assert all(earlier <= later for earlier, later in pairwise(moments))


def test_prices_lie_within_the_range_of_some_kind_of_the_category(catalogue: Sequence[Product]) -> None:
    ranges = {category.slug: [kind.price for kind in category.kinds] for category in CATEGORIES}
    for product in catalogue:
        assert any(low <= product.price <= high for low, high in ranges[product.category]), product


def test_prices_end_the_way_shop_prices_do(catalogue: Sequence[Product]) -> None:
    assert {product.price.as_tuple().exponent for product in catalogue} == {-2}
    cents = {product.price % 1 for product in catalogue}
    assert cents == {Decimal("0.00"), Decimal("0.49"), Decimal("0.95"), Decimal("0.99")}
    assert {product.price % 10 for product in catalogue if product.price >= 100} == {Decimal(9)}


def test_descriptions_have_two_to_four_whole_sentences(catalogue: Sequence[Product]) -> None:
    for product in catalogue:
        sentences = list(_sentences(product))
        assert 2 <= len(sentences) <= 4
        assert all(re.fullmatch(r"[A-Z][^{}]{15,}[A-Za-z0-9]\.", sentence) for sentence in sentences), (
            sentences
        )


def test_no_sentence_and_no_word_in_a_sentence_is_repeated(catalogue: Sequence[Product]) -> None:
    units = {"litre", "lumen", "piece", "person"}
    for product in catalogue:
        sentences = list(_sentences(product))
        assert len(set(sentences)) == len(sentences)
        for sentence in sentences:
            words = [word for word in _words(sentence) if len(word) > 4 and word not in units]
            assert len(set(words)) == len(words), sentence
            assert not re.search(r"\b(\w+) \1\b", sentence, re.IGNORECASE), sentence


def test_the_indefinite_article_fits_its_word(catalogue: Sequence[Product]) -> None:
    for product in catalogue:
        assert not re.search(r"\b[Aa] [aeio]|\b[Aa]n (?!hour)[^aeiou]", product.description), (
            product.description
        )


def test_a_very_small_catalogue_is_possible() -> None:
    assert list(products(0)) == []
    assert [product.id for product in products(1)] == [1]
    assert list(islice(products(3), 1)) == list(islice(products(3), 1))


def _sentences(product: Product) -> Iterator[str]:
    yield from re.split(r"(?<=\.) (?=[A-Z])", product.description)


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z']+", text.lower())
