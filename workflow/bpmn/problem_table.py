"""Every finding there is: code -> severity and sentence. Data only, for the check, the editor, the docs."""

from __future__ import annotations

from collections.abc import Mapping

from workflow.texts import T, Text

ERROR, WARNING = "error", "warning"

CODES: Mapping[str, tuple[str, Text]] = {
    # the file
    "too_large": (ERROR, T("文件太大。")),
    "not_utf8": (ERROR, T("文件必须是 UTF-8 编码。")),
    "doctype": (ERROR, T("文件不能含有 DOCTYPE 或 ENTITY 声明。")),
    "not_xml": (ERROR, T("文件不是正确的 XML。")),
    "too_deep": (ERROR, T("文件的嵌套过深。")),
    "wrong_root": (ERROR, T("文件的根元素不是 BPMN 的 definitions。")),
    "unknown_file": (ERROR, T("不认识这种文件：只接受 .bpmn、.dmn 和 .form。")),
    # the process
    "no_process": (ERROR, T("文件中没有流程（process）。")),
    "not_executable": (ERROR, T("流程“%(name)s”没有标为可执行（isExecutable）。")),
    "duplicate_process": (ERROR, T("流程“%(name)s”出现了不止一次。")),
    "no_start": (ERROR, T("“%(name)s”没有开始事件。")),
    "many_starts": (ERROR, T("“%(name)s”有不止一个无条件的开始事件。")),
    "no_end": (ERROR, T("“%(name)s”没有结束事件。")),
    "call_cycle": (ERROR, T("流程“%(name)s”直接或间接调用了自己。")),
    # elements
    "missing_id": (ERROR, T("有一个 %(tag)s 元素没有编号（id）。")),
    "duplicate_id": (ERROR, T("编号“%(name)s”重复。")),
    "reserved_id": (ERROR, T("编号“%(name)s”由系统保留，请换一个。")),
    "unsupported_element": (ERROR, T("不支持“%(name)s”（%(tag)s）。")),
    "boundary_on_nothing": (ERROR, T("边界事件“%(name)s”没有附着在任何环节上。")),
    "missing_event": (ERROR, T("事件“%(name)s”没有写明等待什么。")),
    "missing_message_reference": (ERROR, T("“%(name)s”引用的消息、信号、错误或升级不存在。")),
    "bad_loop": (ERROR, T("“%(name)s”的循环没有写明次数，或次数过多。")),
    "busy_loop": (WARNING, T("“%(name)s”所在的回路中没有任何停留的环节，可能一直空转。")),
    "bad_declaration": (ERROR, T("“%(name)s”中声明的变量名称不能使用，或类型不认识。")),
    # flows
    "dangling_flow": (ERROR, T("连线“%(name)s”的一端没有接在同一层的环节上。")),
    "dead_end": (ERROR, T("“%(name)s”之后没有去路，也不是结束事件。")),
    "unreachable": (ERROR, T("“%(name)s”永远到达不了。")),
    "missing_condition": (ERROR, T("网关之后的连线“%(name)s”没有条件。")),
    "no_default": (WARNING, T("网关“%(name)s”没有默认去路：条件都不成立时办件会停住。")),
    "bad_default": (ERROR, T("“%(name)s”的默认去路不是它自己的连线。")),
    "implicit_fork": (WARNING, T("“%(name)s”有多条去路而没有网关，会同时走。")),
    # words
    "bad_expression": (ERROR, T("表达式有误。")),
    "unknown_name": (ERROR, T("表达式中的名称没有声明。")),
    "unknown_function": (ERROR, T("表达式中的函数不存在。")),
    "bad_timer": (ERROR, T("“%(name)s”的时间“%(text)s”无法识别，或间隔太短。")),
    "unknown_role": (ERROR, T("“%(name)s”的岗位“%(text)s”不存在。")),
    "missing_role": (ERROR, T("“%(name)s”没有写明由哪个岗位办理。")),
    "unknown_form": (ERROR, T("“%(name)s”的表单“%(text)s”不存在。")),
    "no_form": (WARNING, T("人工环节“%(name)s”没有表单。")),
    "unknown_action": (ERROR, T("“%(name)s”的动作“%(text)s”不存在。")),
    "unknown_decision": (ERROR, T("“%(name)s”的决策“%(text)s”不存在。")),
    "unknown_call": (ERROR, T("“%(name)s”调用的流程“%(text)s”不存在。")),
    # tables and forms (their readers say more)
    "bad_decision": (ERROR, T("决策表有误。")),
    "bad_hit_policy": (ERROR, T("不支持这种命中策略。")),
    "bad_form": (ERROR, T("表单有误。")),
    "bad_pattern": (ERROR, T("正则表达式有误。")),
    "bad_personal": (ERROR, T("个人信息的标记有误。")),
    "unknown_component": (ERROR, T("不支持这种表单组件。")),
    "duplicate_key": (ERROR, T("字段名重复。")),
    "missing_key": (ERROR, T("缺少字段名。")),
    "reserved_key": (ERROR, T("字段名不能使用。")),
    "missing_options": (ERROR, T("缺少选项。")),
}
