"""Words that lie in the database of a new station and not in the code: they too are said in English."""

from workflow.texts import T

TITLES = (
    T("办事员"),
    T("工程师"),
    T("助理工程师"),
    T("馆员"),
    T("站长"),
    T("副站长"),
    T("分管领导"),
    T("系统管理员"),
)
