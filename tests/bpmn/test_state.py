"""A resting case as bytes: small, of a known format, of one definition, by one door."""

from __future__ import annotations

import pytest

from tests.bpmn.walking import Case, World, diagram
from workflow.bpmn import state
from workflow.bpmn.execution import Execution
from workflow.bpmn.scripts import Runtime
from workflow.bpmn.state import UnknownState


def test_the_state_names_its_format():
    saved = Case("user_task").now.save()
    assert saved[:3] == b"YZ" + bytes([state.VERSION])


@pytest.mark.parametrize("version", [0, 2, 255])
def test_a_format_of_another_release_is_refused_by_name(version):
    saved = Case("user_task").now.save()
    with pytest.raises(UnknownState, match=f"format {version}"):
        Execution.restore(diagram("user_task"), World(), saved[:2] + bytes([version]) + saved[3:])


def test_what_is_no_state_is_refused():
    with pytest.raises(UnknownState):
        Execution.restore(diagram("user_task"), World(), b"__import__('os')")


def test_the_state_of_another_definition_is_refused():
    with pytest.raises(UnknownState):
        Execution.restore(diagram("script_task"), World(), Case("user_task").now.save())


def test_a_restored_case_has_our_script_engine_and_nothing_else():
    it = Case("script_task")
    assert type(it.now._top.script_engine) is Runtime


def test_a_resting_case_with_rungs_on_a_subprocess_and_ten_variables_is_small():
    it = Case("subprocess_nested_timers")
    it.now._top.scope.values.update({f"variable_{i}": f"value number {i}" for i in range(10)})
    assert len(it.now.save()) <= 700


def test_tokens_keep_their_number_over_saving():
    it = Case("parallel_gateway", saved=False)
    before = {t.token: t.element.id for t in it.now.tasks}
    again = Execution.restore(it.definition, it.world, it.now.save())
    assert {t.token: t.element.id for t in again.tasks} == before


def test_a_case_saved_by_the_first_release_still_loads():
    fixture = bytes.fromhex(FIRST_RELEASE)
    again = Execution.restore(diagram("subprocess_nested_timers"), World(), fixture)
    assert sorted(t.element.id for t in again.tasks) == ["qu"]
    assert sorted(t.element.id for t in again.timers) == ["b1", "b2", "b3", "qb"]


# of subprocess_nested_timers.bpmn as it stands: a new format needs a new fixture beside this one
FIRST_RELEASE = (
    "595a0197c4085831e35cc6457f991cc20095ce4fd4a721c2dc00180100010303000b0304030902050303000603040007"
    "030500830581a3647565cf00064c01c855ac000681a3647565cf00064c087cf2cc000781a3647565cf00064c3c74b484"
    "0080929404000095ced5225f04c2dc00100a000103120008031312060214120900811481a3647565cf00064c044c1098"
    "00809413010095cef812f1f6c29c17000103181704031b18050180809192ff81a16e02"
)
