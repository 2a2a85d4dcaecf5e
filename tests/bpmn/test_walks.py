"""A case saved and restored between all steps equals one that never was; seeded faults are noticed."""

from __future__ import annotations

import pytest

from tests.bpmn.walking import DIAGRAMS, World, bundle, diagram, walk
from workflow.bpmn import parsing, state
from workflow.bpmn.execution import Execution
from workflow.bpmn.loops import Loop
from workflow.bpmn.parsing import Definition

NAMES = sorted(path.stem for path in DIAGRAMS.glob("*.bpmn"))
EACH = 40  # of each diagram: more than 2,000 walks


def test_there_is_a_diagram_for_every_supported_element():
    assert len(NAMES) >= 40 and len(NAMES) * EACH >= 450


@pytest.mark.parametrize("name", NAMES)
def test_a_restored_case_walks_like_one_that_was_never_saved(name):
    definition, passed = diagram(name), set()
    differences = [walk(definition, seed, passed=passed) for seed in range(EACH)]
    assert [difference for difference in differences if difference] == []
    assert set(definition.elements) - passed == set(), "no walk came by here"


def test_a_lost_event_value_is_noticed():
    def restore(definition: Definition, world: World, saved: bytes) -> Execution:
        case = Execution.restore(definition, world, saved)
        for token in case._top.all_live():
            token.internal_data.pop("due", None)
        return case

    found = [walk(diagram("timer_duration"), seed, restore=restore) for seed in range(20)]
    assert any("timers" in difference for difference in found)


def test_a_skipped_prediction_is_noticed(monkeypatch):
    ours = state.wake_up

    def without_prediction(token):
        token.predict = lambda: None
        ours(token)
        del token.predict

    monkeypatch.setattr(state, "wake_up", without_prediction)
    found = [walk(diagram("user_task"), seed) for seed in range(20)]
    assert any(found)


def test_a_multi_instance_that_is_not_connected_is_noticed():
    loose = parsing._parse(bundle("multi_parallel"), None)
    for spec in list(loose.spec.task_specs.values()):
        if isinstance(spec, Loop):
            rounds = loose.spec.task_specs[spec.task_spec]
            rounds.completed_event.disconnect(spec.merge_child)
    found = [walk(diagram("multi_parallel"), seed, stored=loose) for seed in range(20)]
    assert any(found)
