from bpx.upstream.standing import Standing


def test_three_failures_in_a_row_put_a_host_aside_for_half_a_minute():
    standing = Standing()
    assert [standing.note(0, has_failed=True) for _ in range(3)] == [False, False, True]
    assert standing.aside_s(10) == 20
    assert standing.aside_s(30) == 0


def test_a_success_in_between_begins_the_count_anew():
    standing = Standing()
    for has_failed in (True, True, False, True, True):
        standing.note(0, has_failed=has_failed)
    assert standing.aside_s(0) == 0


def test_a_host_that_fails_again_is_left_at_once_and_for_longer():
    standing, now, lengths = Standing(), 0.0, []
    for _ in range(2):
        standing.note(now, has_failed=True)
    for _ in range(12):
        standing.note(now, has_failed=True)
        length = next(s for s in range(1, 400) if standing.aside_s(now + s) == 0)
        lengths.append(length)
        now += length
    assert lengths == [30, 60, 90, 120, 150, 180, 210, 240, 270, 300, 300, 300]


def test_while_one_call_tries_the_others_stay_away_and_its_failure_counts():
    standing = Standing()
    for _ in range(3):
        standing.note(0, has_failed=True)
    standing.begin_try(10, try_s=3)
    assert standing.aside_s(10) == 20, "its time is not over"
    standing.begin_try(30, try_s=3)
    assert standing.aside_s(30) == 3
    assert standing.note(31, has_failed=True)
    assert standing.aside_s(31) == 60
    assert not standing.note(32, has_failed=True), "of a call that had begun before"
    assert standing.aside_s(32) == 59


def test_a_host_that_has_not_failed_is_not_tried_but_used():
    standing = Standing()
    standing.begin_try(0, try_s=3)
    assert standing.aside_s(0) == 0
