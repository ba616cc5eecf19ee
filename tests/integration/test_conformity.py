from benchmarks.conformity import RATES_HZ, cases


def test_every_level_conforms_to_its_published_value() -> None:
    rows = list(cases())
    assert [row for row in rows if not row.passed] == []
    names = {(row.quantity, row.rate_hz) for row in rows}
    for rate_hz in RATES_HZ:
        assert {
            ("A weighting", rate_hz),
            ("LAFmax - LA", rate_hz),
            ("third octave", rate_hz),
        } < names
    assert {("Lden", None), ("L90", None)} < names
