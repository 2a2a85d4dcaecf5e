"""The benchmarks run and say what they promise to say; how fast it was is not a test's business."""

from __future__ import annotations

from pathlib import Path

import pytest

from web.benchmarks import step


def test_the_step_and_its_floor_are_measured_in_one_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("YIZHAN_HOME", str(tmp_path))
    monkeypatch.delenv("YIZHAN_DATABASE_URL", raising=False)
    found = step.run(2, warm_up=1, pauses=1)
    promised = (
        "floor_ms step_ms ratio http_ms http_ratio state_bytes statements feel_calls step_after_pause_ms"
    )
    assert set(promised.split()) <= set(found)
    assert found["feel_calls"] >= 1
    assert found["statements"] >= 6
    assert 0 < found["state_bytes"] <= 2048
    assert 0 < found["floor_ms"] < found["http_ms"]
