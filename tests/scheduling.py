"""Which tests run beside which, when several processes share them (pytest-xdist)."""

from __future__ import annotations

from xdist.scheduler import LoadScopeScheduling
from xdist.workermanage import WorkerController


class OneExamAtATime(LoadScopeScheduling):
    """Which tests go to one process together, when there are several: those of a module.

    Those of whole exams all go to one: its browsers, media node and vision take what a small
    machine has. It mostly waits, though, and the others (units, contracts, single nodes, pages)
    go on beside it.
    """

    _EXAMS = "whole exams"

    def _split_scope(self, nodeid: str) -> str:
        module = nodeid.partition("::")[0]
        is_exam = module.startswith("tests/e2e/") and not module.startswith("tests/e2e/pages/")
        return self._EXAMS if is_exam else module

    def _assign_work_unit(self, node: WorkerController) -> None:
        if self._EXAMS in self.workqueue:  # takes longest, so it begins first
            self.workqueue.move_to_end(self._EXAMS, last=False)
        super()._assign_work_unit(node)
