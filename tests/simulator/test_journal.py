from bpx.simulator.journal import Journal


def test_a_journal_keeps_the_newest_entries_and_can_be_cleared():
    journal: Journal[int] = Journal(limit=3)
    for entry in range(5):
        journal.append(entry)
    assert list(journal) == [2, 3, 4]
    assert (journal[-1], journal[:2], len(journal)) == (4, [2, 3], 3)
    journal.clear()
    assert list(journal) == []
