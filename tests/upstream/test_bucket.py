from bpx.upstream.bucket import LeakyBucket


def test_what_fits_does_not_wait():
    bucket = LeakyBucket(capacity=1, leak_per_s=10)
    assert bucket.wait_for(1.0, now=0) == 0


def test_what_does_not_fit_waits_until_enough_has_leaked():
    bucket = LeakyBucket(capacity=100, leak_per_s=10)
    for _ in range(120):
        bucket.pour(now=0)
    assert bucket.wait_for(1.0, now=0) == 2.1
    assert bucket.wait_for(1.0, now=2.0) == 0.1
    assert bucket.wait_for(1.0, now=2.1) == 0


def test_a_share_of_the_bucket_is_full_before_the_bucket_is():
    bucket = LeakyBucket(capacity=100, leak_per_s=10)
    for _ in range(70):
        bucket.pour(now=0)
    assert bucket.wait_for(0.7, now=0) == 0.1
    assert bucket.wait_for(0.85, now=0) == 0


def test_the_bucket_never_goes_below_empty():
    bucket = LeakyBucket(capacity=100, leak_per_s=10)
    bucket.pour(now=0)
    assert bucket.level(now=1000) == 0


def test_a_request_that_was_not_made_is_taken_back():
    bucket = LeakyBucket(capacity=1, leak_per_s=0.5)
    bucket.pour(now=0)
    bucket.pour(now=0)
    bucket.take_back(now=0)
    assert bucket.wait_for(1, now=0) == 2
    for _ in range(3):
        bucket.take_back(now=0)
    assert bucket.level(now=0) == 0
