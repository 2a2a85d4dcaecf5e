"""The one V8 context of a process that runs FEEL, and nothing else: no host functions, 0.5 s, 64 MB.

Opened when first needed, again after a fork, a timeout or a full memory. ``feel/feel.js`` is built by
``npm ci --ignore-scripts && npm run build`` in its folder.
"""

from __future__ import annotations

import atexit
import json
import os
import queue
import threading
from pathlib import Path
from typing import Any

from py_mini_racer import JSEvalException, JSOOMException, MiniRacer

SOURCE = Path(__file__).parent / "feel" / "feel.js"
SECONDS = 0.5
OPENING_SECONDS = 10.0
BYTES = 64 * 1024 * 1024


class FeelError(Exception):
    """The expression could not be evaluated at all (a null with warnings is a result, not an error)."""


class FeelSyntax(FeelError):
    """It is no FEEL."""


class FeelTimeout(FeelError):
    """It ran longer than half a second, and when asked again too."""


class FeelMemory(FeelError):
    """It wanted more than 64 MB, or its answer was larger than 1 MB."""


class Isolate:
    """The one context of this process, behind one lock."""

    def __init__(self) -> None:
        self.counted = 0
        self._lock = threading.Lock()
        self._engine: MiniRacer | None = None
        self._left_behind: list[MiniRacer | None] = []

    def ask(self, function: str, question: object, count: int) -> Any:
        text = json.dumps(json.dumps(question, separators=(",", ":"), allow_nan=False))
        with self._lock:
            self.counted += count
            try:
                return self._ask(f"{function}({text})")
            except FeelTimeout:  # on a machine that was busy elsewhere the expression is not to blame
                return self._ask(f"{function}({text})")

    def _ask(self, code: str) -> Any:
        if self._engine is None:
            self._open()
        return json.loads(self._eval(code, SECONDS))

    def _open(self) -> None:
        if not SOURCE.exists():
            raise FeelError(
                f"{SOURCE.name} is not built: run `npm ci --ignore-scripts && npm run build` in its folder"
            )
        self._engine = MiniRacer()
        self._engine.set_hard_memory_limit(BYTES)
        self._eval(SOURCE.read_text("utf-8") + ";'ready'", OPENING_SECONDS)

    def _eval(self, code: str, seconds: float) -> str:
        """The library's own ``eval`` goes through an event loop in another thread, which doubles the time:
        0.50 ms against 0.22 ms hot, 0.79 against 0.34 after a pause. This is its uncancelable road with a
        time limit; whatever went wrong, the context is thrown away, so no late answer is ever taken for
        another question's."""
        assert self._engine is not None
        context = self._engine._ctx
        assert context is not None
        handle = context._python_to_value_handle(code)
        task = context._dll.mr_eval(context._ctx, handle.raw, 0)
        try:
            answer = context._non_cancelable_mr_task_results_queue.get(timeout=seconds)
            value = context._value_handle_to_python(answer)
        except queue.Empty:
            context._dll.mr_cancel_task(context._ctx, task)
            self.close()
            raise FeelTimeout(f"longer than {seconds} s") from None
        except JSOOMException:
            self.close()
            raise FeelMemory(f"more than {BYTES // 1024 // 1024} MB") from None
        except JSEvalException as error:
            self.close()
            raise FeelError(str(error)[:300]) from None
        except BaseException:  # a signal in the middle: the late answer must not meet the next question
            self.close()
            raise
        return str(value)

    def close(self) -> None:
        engine, self._engine = self._engine, None
        if engine is not None:
            engine.close()

    def forget(self) -> None:
        """After a fork the context's threads are not here: leave it alone (closing would wait for them)."""
        self._left_behind.append(self._engine)
        self._engine = None
        self._lock = threading.Lock()
        self.counted = 0


isolate = Isolate()
atexit.register(isolate.close)
os.register_at_fork(after_in_child=isolate.forget)
