"""Answers are counted once, and every family that tells of them is a sum."""

from bpx.web.counting import Name, Sorts

OK = Name("spot", "/api/v3/depth", "/api/v3/depth", "GET", "200", "websocket")


def told(sorts: Sorts) -> dict[str, dict[tuple[tuple[str, str], ...], float]]:
    return {
        family.name: {
            (sample.name.removeprefix(family.name), *sorted(sample.labels.items())): sample.value
            for sample in family.samples
        }
        for family in sorts.families()
    }


def test_families_are_sums_over_sorts() -> None:
    sorts = Sorts()
    sorts[OK].count(0.001, 10, 70)
    sorts[OK._replace(source="cache")].count(0.3, 20, 70)
    sorts[OK._replace(status="429", source="proxy")].count(0.001, 5, None)
    families = told(sorts)
    assert sorted(families["http_requests"].values()) == [1, 1, 1]
    [(labels, errors)] = families["http_request_errors"].items()
    assert errors == 1
    assert ("kind", "limited") in labels
    assert sorted(families["bpx_reply_bytes"].values()) == [5, 10, 20]
    assert sorted(families["flask_http_request"].values()) == [1, 2]  # of two statuses


def test_a_histogram_has_all_sorts_that_its_labels_do_not_tell_apart() -> None:
    sorts = Sorts()
    sorts[OK].count(0.001, 10, 70)
    sorts[OK._replace(endpoint="/api/v3/klines")].count(0.3, 10, 70_000)
    ages = told(sorts)["bpx_reply_age_seconds"]
    market = ("market", "spot"), ("source", "websocket")
    assert ages["_count", *market] == 2
    assert ages["_sum", *market] == 70.07
    assert ages["_bucket", ("le", "0.1"), *market] == 1
